use lemon_domain::values::{AccountId, ServiceType, TaskKind};
use uuid::Uuid;

use super::{Departure, End, History};
use crate::invariant::{Invariant, Judgement, hold};

impl History {
    /// A job has reached the queue of the workers.
    pub(crate) fn arrived(
        &mut self,
        kind: TaskKind,
        account: AccountId,
        service: &ServiceType,
        id: Uuid,
    ) -> Judgement {
        match kind {
            TaskKind::Train => self.train_arrived(account, service, id),
            TaskKind::Notify => self.notify_arrived(id),
            TaskKind::Delete => {
                let sequence = (account, service.clone());
                if let Some(owed) = self.owed_deletions.get_mut(&sequence) {
                    // A message without an id is for the account's latest request.
                    owed.retain(|other| *other != id && !other.is_nil());
                    if owed.is_empty() {
                        self.owed_deletions.remove(&sequence);
                    }
                }
                if let Some(seen) = self.requests.get_mut(&id) {
                    seen.deleted_at_workers = true;
                }
                Ok(())
            }
        }
    }

    fn train_arrived(&mut self, account: AccountId, service: &ServiceType, id: Uuid) -> Judgement {
        let owed = self.owed_deletions.get(&(account, service.clone()));
        let others = owed.is_some_and(|owed| owed.iter().any(|other| *other != id));
        let seen = self.requests.get(&id);
        // A job of the request that is to be deleted may have been on its way.
        let is_newer = seen.is_some_and(|seen| seen.gone == Departure::No);
        hold(!(others && is_newer), Invariant::Order, || {
            format!("the training of {id} overtakes the deletion of {owed:?}")
        })?;
        hold(seen.is_some(), Invariant::TrueAnswer, || {
            format!("a training of {id} is sent, which is not stored")
        })?;
        let seen = self.seen(id);
        hold(!seen.deleted_at_workers, Invariant::Order, || {
            format!("the training of {id} comes after its deletion")
        })?;
        hold(!seen.notified, Invariant::Order, || {
            format!("a training of {id} comes after its notification")
        })?;
        seen.trained = true;
        Ok(())
    }

    fn notify_arrived(&mut self, id: Uuid) -> Judgement {
        let seen = self.seen(id);
        hold(seen.state == End::Finished, Invariant::OneEnd, || {
            format!("{id} is announced as ready, but it has not finished")
        })?;
        hold(!seen.deleted_at_workers, Invariant::Order, || {
            format!("the notification of {id} comes after its deletion")
        })?;
        seen.notified = true;
        Ok(())
    }

    /// A worker's ready message is in the queue.
    pub(crate) fn ready_sent(&mut self, id: Uuid) {
        self.ready.insert(id);
    }

    /// A deletion was stored, or a ready message came for somebody who is not registered.
    pub(crate) fn owes_deletion(&mut self, account: AccountId, service: &ServiceType, id: Uuid) {
        let sequence = (account, service.clone());
        self.owed_deletions.entry(sequence).or_default().push(id);
    }

    /// What must hold when nothing is in between any more.
    pub(crate) fn in_the_end(&self) -> Judgement {
        for (id, seen) in &self.requests {
            let is_gone = seen.gone == Departure::Deleted;
            hold(seen.trained || is_gone, Invariant::NothingLost, || {
                format!("no worker was asked to train {id}: {seen:?}")
            })?;
            let announced = seen.notified || is_gone || seen.state != End::Finished;
            hold(announced, Invariant::NothingLost, || {
                format!("no worker was asked to announce {id}: {seen:?}")
            })?;
            let ended = seen.state != End::Running || seen.gone != Departure::No;
            hold(ended, Invariant::NoLimbo, || {
                format!("the training of {id} has no end: {seen:?}")
            })?;
            let came = self.ready.contains(id);
            let counted = !came || seen.state == End::Finished || seen.gone != Departure::No;
            hold(counted, Invariant::NothingLost, || {
                format!("the ready message of {id} had no effect: {seen:?}")
            })?;
        }
        hold(
            self.owed_deletions.is_empty(),
            Invariant::NothingLost,
            || format!("no worker was asked to delete {:?}", self.owed_deletions),
        )
    }
}
