use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Deletion, FinishOutcome, NewRegistration, OutboxTask, Publication, Registrations,
        RequestOutcome, SeatTaken, StoreError,
    },
    values::{
        Holder, IdempotencyKey, Registered, Registration, RequestId, ServiceType, TrainingReady,
        Use, UserId,
    },
};

use super::{Answered, Current, MemoryStore, Recorded, State};

#[async_trait]
impl Registrations for MemoryStore {
    async fn last_use(
        &self,
        user: UserId,
        service: &ServiceType,
    ) -> Result<Option<Use>, StoreError> {
        let key = (user, service.clone());
        Ok(self.state().await.uses.get(&key).cloned())
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
        if let FinishOutcome::Finished | FinishOutcome::NotRegistered = outcome {
            self.row_put.notify_one();
        }
        Ok(outcome)
    }

    async fn delete(&self, deletion: Deletion) -> Result<bool, StoreError> {
        let mut state = self.state().await;
        let deleted = state.delete(&deletion);
        if deleted {
            self.row_put.notify_one();
        }
        Ok(deleted)
    }

    async fn set_public(
        &self,
        publication: Publication,
    ) -> Result<Option<Registration>, StoreError> {
        let mut state = self.state().await;
        let key = (publication.user, publication.service);
        Ok(state.registrations.get_mut(&key).map(|current| {
            current.shown.public = publication.public;
            current.shown.clone()
        }))
    }

    async fn list(&self, user: UserId) -> Result<Vec<Registration>, StoreError> {
        let state = self.state().await;
        let theirs = state
            .registrations
            .iter()
            .filter(|((owner, _), _)| *owner == user);
        Ok(theirs.map(|(_, current)| current.shown.clone()).collect())
    }
}

impl State {
    fn check_identity(&self, new: &NewRegistration) -> Result<(), StoreError> {
        self.accounts
            .get(&new.identity.account)
            .filter(|stored| stored.user == new.identity.user)
            .map(|_| ())
            .ok_or(StoreError::UnknownPerson)
    }

    fn answered(
        &self,
        user: UserId,
        service: &ServiceType,
        key: &IdempotencyKey,
    ) -> Option<Registered> {
        let theirs = self.attempts.get(&(user, service.clone()))?;
        let same = theirs.iter().find(|earlier| earlier.attempt.key == *key);
        same.map(|earlier| earlier.answer)
    }

    fn repeated(&self, new: &NewRegistration) -> Option<RequestOutcome> {
        let key = &new.attempt.as_ref()?.key;
        self.answered(new.identity.user, &new.service, key)
            .map(RequestOutcome::Repeated)
    }

    fn used_before(&self, new: &NewRegistration) -> Option<RequestOutcome> {
        let last = self.uses.get(&(new.identity.user, new.service.clone()))?;
        let stands_against = last.cooldown_until > new.at || last.turn >= new.turn;
        stands_against.then(|| RequestOutcome::UsedBefore(last.clone()))
    }

    fn seat_taken(&self, new: &NewRegistration) -> Option<RequestOutcome> {
        let taken = new.places.iter().find(|wanted| {
            self.places
                .iter()
                .any(|place| place.taken.key == wanted.key && place.taken.seat == wanted.seat)
        })?;
        Some(RequestOutcome::SeatTaken(SeatTaken {
            budget: taken.key.budget.clone(),
            seat: taken.seat,
        }))
    }

    fn store(&mut self, new: NewRegistration) {
        let key = (new.identity.user, new.service.clone());
        let daily = new.places.first().expect("a request has a place");
        let last_use = Use {
            turn: new.turn,
            window_start: daily.key.window.start,
            cooldown_until: new.cooldown_until,
        };
        if let Some(attempt) = new.attempt {
            let answer = Registered {
                position: daily.seat,
                limit: new.limit,
            };
            let theirs = self.attempts.entry(key.clone()).or_default();
            theirs.push(Answered { attempt, answer });
        }
        let earlier = self.registrations.get(&key).map(|it| &it.shown);
        let shown = Registration {
            service: new.service.clone(),
            request_id: new.request_id,
            public: earlier.is_some_and(|it| it.public),
            ready: earlier.is_some_and(|it| it.ready),
            can_use_at: new.cooldown_until,
        };
        let account = new.identity.account;
        let current = Current {
            shown,
            account,
            finished: false,
        };
        let holder = Holder {
            user: new.identity.user,
            turn: new.turn,
        };
        self.places
            .extend(new.places.into_iter().map(|taken| Recorded {
                holder,
                taken,
                at: new.at,
                cooldown_until: new.cooldown_until,
            }));
        self.uses.insert(key.clone(), last_use);
        self.registrations.insert(key, current);
        self.put_row(
            OutboxTask::Train,
            &new.service,
            account,
            new.request_id,
            new.at,
        );
    }

    fn finish(
        &mut self,
        ready: &TrainingReady,
        spare: RequestId,
        at: DateTime<Utc>,
    ) -> FinishOutcome {
        let user = self.accounts.get(&ready.account).map(|stored| stored.user);
        let current = user.and_then(|user| {
            let key = (user, ready.service.clone());
            self.registrations.get_mut(&key)
        });
        let Some(current) = current else {
            let request_id = ready.request_id.unwrap_or(spare);
            self.put_row(
                OutboxTask::Delete,
                &ready.service,
                ready.account,
                request_id,
                at,
            );
            return FinishOutcome::NotRegistered;
        };
        let request_id = current.shown.request_id;
        if ready.request_id.is_some_and(|named| named != request_id) {
            return FinishOutcome::Superseded;
        }
        if current.finished {
            return FinishOutcome::AlreadyFinished;
        }
        current.finished = true;
        current.shown.ready = true;
        self.put_row(
            OutboxTask::Notify,
            &ready.service,
            ready.account,
            request_id,
            at,
        );
        FinishOutcome::Finished
    }

    fn delete(&mut self, deletion: &Deletion) -> bool {
        let key = (deletion.user, deletion.service.clone());
        let Some(current) = self.registrations.remove(&key) else {
            return false;
        };
        self.outbox.retain(|_, row| {
            row.entry.task == OutboxTask::Delete || row.entry.request_id != current.shown.request_id
        });
        self.put_row(
            OutboxTask::Delete,
            &deletion.service,
            current.account,
            deletion.request_id,
            deletion.at,
        );
        true
    }
}
