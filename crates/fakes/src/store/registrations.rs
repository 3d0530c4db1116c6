use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Deletion, FinishOutcome, NewRegistration, OutboxEntry, Publication, Registrations,
        RequestOutcome, StoreError,
    },
    values::{
        AccountId, IdempotencyKey, Registered, Registration, RequestId, ServiceType, Task,
        TaskKind, TrainingReady, TrainingState, Use, UserId,
    },
};

use super::{Mechanism, MemoryStore, OutboxRow, StoreState};

#[async_trait]
impl Registrations for MemoryStore {
    async fn last_use(
        &self,
        user: UserId,
        service: &ServiceType,
    ) -> Result<Option<Use>, StoreError> {
        let key = (user, service.clone());
        let state = self.state().await;
        let last = state.uses.get(&key).cloned();
        if last.is_some() {
            state.refuse_forgotten(user)?;
        }
        Ok(last)
    }

    async fn answered(
        &self,
        user: UserId,
        service: &ServiceType,
        key: &IdempotencyKey,
    ) -> Result<Option<Registered>, StoreError> {
        Ok(self.state().await.answered(user, service, key))
    }

    async fn request(&self, new: NewRegistration) -> Result<RequestOutcome, StoreError> {
        let mut state = self.state().await;
        state.check_identity(&new)?;
        if let Some(refusal) = state
            .repeated(&new)
            .or_else(|| state.used_before(&new))
            .or_else(|| state.seat_taken(&new))
        {
            return Ok(refusal);
        }
        state.store(new);
        self.row_put.notify_one();
        Ok(RequestOutcome::Registered)
    }

    async fn finish(
        &self,
        ready: &TrainingReady,
        request_id: RequestId,
        at: DateTime<Utc>,
    ) -> Result<FinishOutcome, StoreError> {
        let mut state = self.state().await;
        let outcome = state.finish(ready, request_id, at);
        if let FinishOutcome::Finished { .. } | FinishOutcome::NotRegistered = outcome {
            self.row_put.notify_one();
        }
        Ok(outcome)
    }

    async fn delete(&self, deletion: Deletion) -> Result<Option<RequestId>, StoreError> {
        let mut state = self.state().await;
        state.refuse_forgotten(deletion.user)?;
        let deleted = state.delete(&deletion);
        if deleted.is_some() {
            self.row_put.notify_one();
        }
        Ok(deleted)
    }

    async fn set_public(
        &self,
        publication: Publication,
    ) -> Result<Option<Registration>, StoreError> {
        let mut state = self.state().await;
        state.refuse_forgotten(publication.user)?;
        let key = (publication.user, publication.service);
        Ok(state.registrations.get_mut(&key).map(|current| {
            current.shown.public = publication.public;
            current.shown.clone()
        }))
    }

    async fn list(&self, user: UserId) -> Result<Vec<Registration>, StoreError> {
        let state = self.state().await;
        state.refuse_forgotten(user)?;
        let theirs = state
            .registrations
            .iter()
            .filter(|((owner, _), _)| *owner == user);
        Ok(theirs.map(|(_, current)| current.shown.clone()).collect())
    }
}

impl StoreState {
    fn finish(
        &mut self,
        ready: &TrainingReady,
        spare: RequestId,
        at: DateTime<Utc>,
    ) -> FinishOutcome {
        let marks = self.has(Mechanism::FinishedMark);
        let names = self.has(Mechanism::NamedRequest);
        let user = self.accounts.get(&ready.account).map(|stored| stored.user);
        let current = user.and_then(|user| {
            let key = (user, ready.service.clone());
            let theirs = self.registrations.get_mut(&key)?;
            // A person may have several accounts.
            (theirs.account == ready.account).then_some((user, theirs))
        });
        let Some((user, current)) = current else {
            let latest = user.and_then(|user| self.latest_request(user, &ready.service));
            let request_id = ready.request_id.or(latest).unwrap_or(spare);
            self.put_row(
                TaskKind::Delete,
                &ready.service,
                ready.account,
                request_id,
                at,
            );
            return FinishOutcome::NotRegistered;
        };
        let request_id = current.shown.request_id;
        if names && ready.request_id.is_some_and(|named| named != request_id) {
            return FinishOutcome::Superseded;
        }
        if marks && current.shown.state == TrainingState::Ready {
            return FinishOutcome::AlreadyFinished;
        }
        current.shown.state = TrainingState::Ready;
        current.shown.ready = true;
        current.finished_at = Some(at);
        let due_at = if current.announcements > 1 {
            self.withdraw(ready.account, &ready.service, at, |entry| {
                entry.content.kind == TaskKind::Train && entry.request_id == request_id
            })
        } else {
            at
        };
        self.put_row(
            TaskKind::Notify,
            &ready.service,
            ready.account,
            request_id,
            at,
        );
        self.put_off_the_last(due_at);
        FinishOutcome::Finished { user, request_id }
    }

    pub(super) fn delete(&mut self, deletion: &Deletion) -> Option<RequestId> {
        let key = (deletion.user, deletion.service.clone());
        let current = self.registrations.remove(&key)?;
        let due_at = self.withdraw(current.account, &deletion.service, deletion.at, |entry| {
            entry.content.kind != TaskKind::Delete
        });
        self.put_row(
            TaskKind::Delete,
            &deletion.service,
            current.account,
            current.shown.request_id,
            deletion.at,
        );
        self.put_off_the_last(due_at);
        Some(current.shown.request_id)
    }

    fn put_off_the_last(&mut self, due_at: DateTime<Utc>) {
        if !self.has(Mechanism::WaitingDelete) {
            return;
        }
        if let Some(mut row) = self.outbox.last_entry() {
            row.get_mut().due_at = due_at;
        }
    }

    /// The person's latest request for the service, as long as its use is known.
    fn latest_request(&self, user: UserId, service: &ServiceType) -> Option<RequestId> {
        let key = (user, service.clone());
        let is_known = self.uses.contains_key(&key);
        self.latest_requests.get(&key).copied().filter(|_| is_known)
    }

    /// Removes those rows of an account and service. Answers the time from which on nobody can be sending any of them.
    fn withdraw(
        &mut self,
        account: AccountId,
        service: &ServiceType,
        at: DateTime<Utc>,
        which: impl Fn(&OutboxEntry<Task>) -> bool,
    ) -> DateTime<Utc> {
        let mut free_at = at;
        self.outbox.retain(|_, OutboxRow { entry, due_at, .. }| {
            let goes = entry.content.sequence() == (account, service) && which(entry);
            if goes {
                free_at = free_at.max(*due_at);
            }
            !goes
        });
        free_at
    }
}
