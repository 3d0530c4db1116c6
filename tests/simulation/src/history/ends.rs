use std::time::Duration;

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{FinishOutcome, OverdueOutcome, OverdueStep, OverdueTraining, RetryOutcome},
    values::{RequestId, ServiceType, TrainingReady, UserId},
};
use uuid::Uuid;

use super::{Departure, End, History};
use crate::{
    catalogue::TRAINING,
    invariant::{Invariant, Judgement, hold},
};

/// Two replicas' clocks may be so far apart.
const SKEW: Duration = Duration::from_secs(20);

impl History {
    /// A ready message was handled.
    pub(crate) fn finished(&mut self, ready: &TrainingReady, outcome: FinishOutcome) -> Judgement {
        let id = match outcome {
            FinishOutcome::Finished { request_id, .. } => request_id.get(),
            FinishOutcome::NotRegistered => {
                let id = ready.request_id.map_or(Uuid::nil(), RequestId::get);
                self.owes_deletion(ready.account, &ready.service, id);
                return Ok(());
            }
            FinishOutcome::AlreadyFinished | FinishOutcome::Superseded => return Ok(()),
        };
        let named = ready.request_id.is_none_or(|named| named.get() == id);
        hold(named, Invariant::OneEnd, || {
            format!(
                "a ready message of {:?} ends the training of {id}",
                ready.request_id
            )
        })?;
        let seen = self.seen(id);
        hold(seen.state != End::Finished, Invariant::OneEnd, || {
            format!("the training of {id} finishes twice")
        })?;
        hold(seen.gone == Departure::No, Invariant::OneEnd, || {
            format!("the training of {id} finishes, but it is gone: {seen:?}")
        })?;
        seen.state = End::Finished;
        Ok(())
    }

    /// A registration was deleted.
    pub(crate) fn deleted(&mut self, user: UserId, service: &ServiceType) {
        let Some(id) = self.current.remove(&(user, service.clone())) else {
            return;
        };
        let seen = self.seen(id);
        seen.gone = Departure::Deleted;
        let account = seen.account;
        self.owes_deletion(account, service, id);
    }

    /// A person was forgotten: registrations and attempts are gone.
    pub(crate) fn forgotten(&mut self, user: UserId, services: &[ServiceType]) {
        for service in services {
            self.deleted(user, service);
        }
        self.attempts.retain(|(owner, _, _), _| *owner != user);
    }

    /// A step about an overdue training was taken.
    pub(crate) fn settled(
        &mut self,
        training: &OverdueTraining,
        step: &OverdueStep,
        outcome: OverdueOutcome,
        after: Duration,
    ) -> Judgement {
        let id = training.request_id.get();
        if let OverdueOutcome::Waiting | OverdueOutcome::Overtaken = outcome {
            return Ok(());
        }
        let seen = self.seen(id);
        hold(
            seen.state == End::Running && seen.gone == Departure::No,
            Invariant::OneEnd,
            || format!("the training of {id} is given up, but it has ended: {seen:?}"),
        )?;
        let due = seen.announced + TRAINING.deadline;
        hold(after + SKEW >= due, Invariant::Deadline, || {
            format!(
                "the training of {id} is given up before its deadline, {due:?} after the begin: {seen:?}"
            )
        })?;
        if let OverdueStep::Fail { running } = step {
            seen.state = End::Failed;
            let (owner, turn) = ((seen.user, seen.service.clone()), seen.turn);
            self.give_back(id, running);
            self.end_cooldown(&owner, turn, training.found_at);
            return Ok(());
        }
        seen.announced = after;
        seen.announcements += 1;
        let announcements = seen.announcements;
        hold(
            announcements <= TRAINING.attempts,
            Invariant::Deadline,
            || format!("the training of {id} is announced {announcements} times"),
        )
    }

    fn end_cooldown(&mut self, owner: &(UserId, ServiceType), turn: u32, at: DateTime<Utc>) {
        if let Some(latest) = self.uses.get_mut(owner)
            && latest.turn == turn
        {
            latest.cooldown_until = latest.cooldown_until.min(at);
        }
    }

    /// An operator had a training announced again.
    pub(crate) fn retried(&mut self, id: RequestId, outcome: &RetryOutcome, after: Duration) {
        if let RetryOutcome::Announced { announcements, .. } = outcome {
            let seen = self.seen(id.get());
            seen.announced = after;
            seen.announcements = *announcements;
        }
    }
}
