use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        OverdueOutcome, OverduePosition, OverdueStep, OverdueTraining, RetryOutcome, StoreError,
        TrainingDeadlines,
    },
    values::{BudgetKey, RequestId, ServiceType, TaskKind, TrainingState, Turn, UserId},
};

use super::{Mechanism, MemoryStore, StoreState, StoredRegistration};

#[async_trait]
impl TrainingDeadlines for MemoryStore {
    async fn overdue(
        &self,
        service: &ServiceType,
        deadline: Duration,
        after: Option<OverduePosition>,
        max: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<OverdueTraining>, StoreError> {
        let earlier = self.earlier(now);
        let state = self.state().await;
        let both = state.has(Mechanism::TwoClocksOfDeadline);
        let now = if both { earlier } else { now };
        let mut overdue: Vec<_> = state
            .registrations
            .iter()
            .filter(|((_, of), current)| {
                of == service
                    && current.shown.state == TrainingState::Training
                    && current.announced_at + deadline <= now
            })
            .map(|((user, _), current)| current.overdue(*user, now))
            .filter(|training| after.is_none_or(|after| training.position() > after))
            .collect();
        overdue.sort_by_key(OverdueTraining::position);
        overdue.truncate(usize::try_from(max).unwrap_or(usize::MAX));
        Ok(overdue)
    }

    async fn settle(
        &self,
        training: &OverdueTraining,
        step: OverdueStep,
    ) -> Result<OverdueOutcome, StoreError> {
        let mut state = self.state().await;
        let outcome = state.settle(training, step);
        if outcome == OverdueOutcome::Announced {
            self.row_put.notify_one();
        }
        Ok(outcome)
    }

    async fn retry(
        &self,
        request_id: RequestId,
        at: DateTime<Utc>,
    ) -> Result<RetryOutcome, StoreError> {
        let mut state = self.state().await;
        let outcome = state.retry(request_id, at);
        self.row_put.notify_one();
        Ok(outcome)
    }
}

impl StoredRegistration {
    fn overdue(&self, user: UserId, found_at: DateTime<Utc>) -> OverdueTraining {
        OverdueTraining {
            user,
            service: self.shown.service.clone(),
            request_id: self.shown.request_id,
            announcements: self.announcements,
            announced_at: self.announced_at,
            found_at,
        }
    }
}

impl StoreState {
    fn settle(&mut self, training: &OverdueTraining, step: OverdueStep) -> OverdueOutcome {
        let at = training.found_at;
        let waits = self.outbox.values().any(|row| {
            row.entry.content.kind == TaskKind::Train
                && row.entry.request_id == training.request_id
                && row.set_aside_at.is_none()
        });
        let key = (training.user, training.service.clone());
        let once = self.has(Mechanism::SettledOnce);
        let Some(current) = self.registrations.get_mut(&key).filter(|current| {
            let runs = current.shown.state == TrainingState::Training
                && current.overdue(training.user, at) == *training;
            runs || (!once && current.shown.request_id == training.request_id)
        }) else {
            return OverdueOutcome::Overtaken;
        };
        if waits {
            current.announced_at = at;
            return OverdueOutcome::Waiting;
        }
        match step {
            OverdueStep::Announce => {
                current.announced_at = at;
                current.announcements += 1;
                let account = current.account;
                let (service, request_id) = (&training.service, training.request_id);
                self.put_row(TaskKind::Train, service, account, request_id, at);
                OverdueOutcome::Announced
            }
            OverdueStep::Fail { running } => {
                current.shown.state = TrainingState::Failed;
                current.shown.can_use_at = current.shown.can_use_at.min(at);
                OverdueOutcome::Failed {
                    turn: self.give_back(&key, &running, at),
                }
            }
        }
    }

    fn retry(&mut self, request_id: RequestId, at: DateTime<Utc>) -> RetryOutcome {
        let mut all = self.registrations.iter_mut();
        let Some((key, current)) = all.find(|(_, it)| it.shown.request_id == request_id) else {
            return RetryOutcome::Unknown;
        };
        if current.shown.state != TrainingState::Training {
            return RetryOutcome::Ended(current.shown.state);
        }
        let account = current.account;
        let row = self.outbox.values_mut().find(|row| {
            row.entry.content.kind == TaskKind::Train && row.entry.request_id == request_id
        });
        if row.as_ref().is_some_and(|row| row.set_aside_at.is_none()) {
            return RetryOutcome::Waiting;
        }
        current.announced_at = at;
        if let Some(row) = row {
            row.set_aside_at = None;
            row.due_at = at;
            return RetryOutcome::Released { account };
        }
        current.announcements += 1;
        let (service, announcements) = (key.1.clone(), current.announcements);
        self.put_row(TaskKind::Train, &service, account, request_id, at);
        RetryOutcome::Announced {
            account,
            announcements,
        }
    }

    /// Ends the cooldown of a use and gives back its places of these windows.
    fn give_back(
        &mut self,
        key: &(UserId, ServiceType),
        running: &[BudgetKey],
        at: DateTime<Utc>,
    ) -> Option<Turn> {
        let last = self.uses.get_mut(key)?;
        last.cooldown_until = last.cooldown_until.min(at);
        let turn = Turn {
            user: key.0,
            number: last.turn,
        };
        if !self.has(Mechanism::PlacesGivenBack) {
            return Some(turn);
        }
        self.places.retain(|recorded| {
            let is_its = recorded.turn == turn && recorded.service == key.1;
            !is_its || !running.contains(&recorded.place.key)
        });
        Some(turn)
    }

    /// A job that is sent now can be worked on from now on.
    pub(super) fn restart_deadline(&mut self, request_id: RequestId, now: DateTime<Utc>) {
        let mut all = self.registrations.values_mut();
        if let Some(current) = all.find(|current| current.shown.request_id == request_id) {
            current.announced_at = current.announced_at.max(now);
        }
    }
}
