use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::FutureExt;
use lemon_domain::{
    ports::{
        Backlog, Expiring, Housekeeping, Outbox, OutboxEntry, OverdueOutcome, OverduePosition,
        OverdueStep, OverdueTraining, PlaceRecord, Purged, RecordSums, RetryOutcome, StoreError,
        TrainingDeadlines,
    },
    values::{BudgetKey, Place, RequestId, Segment, ServiceType, Task},
};

use super::Line;
use crate::{invariant::Invariant, looks::look_at_the_record, mutation::Cut, plan::Side};

#[async_trait]
impl Outbox<Task> for Line {
    async fn claim(
        &self,
        max: u32,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Vec<OutboxEntry<Task>>, StoreError> {
        let world = self.world.clone();
        let lease = if world.is_without(Cut::Lease) {
            Duration::ZERO
        } else {
            lease
        };
        let effect = async move {
            let claimed = world.store.claim(max, lease, now).await?;
            if world.is_without(Cut::Confirmation) {
                let ids: Vec<i64> = claimed.iter().map(|entry| entry.id).collect();
                world.store.remove(&ids).await?;
            }
            Ok(claimed)
        };
        self.call(Side::Store, "claims rows", effect.boxed()).await
    }

    async fn remove(&self, ids: &[i64]) -> Result<(), StoreError> {
        let (world, ids) = (self.world.clone(), ids.to_vec());
        let effect = async move {
            world.store.remove(&ids).await?;
            world.row_put.notify_waiters();
            Ok(())
        };
        self.call(Side::Store, "removes rows", effect.boxed()).await
    }

    async fn postpone(
        &self,
        entry: &OutboxEntry<Task>,
        until: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let (world, entry) = (self.world.clone(), entry.clone());
        let effect = async move { world.store.postpone(&entry, until).await };
        self.call(Side::Store, "postpones a row", effect.boxed())
            .await
    }

    async fn set_aside(
        &self,
        entry: &OutboxEntry<Task>,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let (world, entry) = (self.world.clone(), entry.clone());
        let effect = async move { world.store.set_aside(&entry, at).await };
        self.call(Side::Store, "sets a row aside", effect.boxed())
            .await
    }

    async fn backlog(&self, now: DateTime<Utc>) -> Result<Backlog, StoreError> {
        self.world.store.backlog(now).await
    }

    async fn changed(&self) {
        self.world.row_put.notified().await;
    }
}

#[async_trait]
impl PlaceRecord for Line {
    async fn sums(&self, key: &BudgetKey, from: Segment) -> Result<RecordSums, StoreError> {
        let (store, key) = (self.world.store.clone(), key.clone());
        let effect = async move { PlaceRecord::sums(&*store, &key, from).await };
        self.call(Side::Store, "reads sums of the record", effect.boxed())
            .await
    }

    async fn segment(&self, key: &BudgetKey, segment: Segment) -> Result<Vec<Place>, StoreError> {
        let (store, key) = (self.world.store.clone(), key.clone());
        let effect = async move { store.segment(&key, segment).await };
        self.call(Side::Store, "reads the record", effect.boxed())
            .await
    }

    async fn total(&self, key: &BudgetKey) -> Result<u64, StoreError> {
        let (store, key) = (self.world.store.clone(), key.clone());
        let effect = async move { store.total(&key).await };
        self.call(Side::Store, "reads a total", effect.boxed())
            .await
    }

    async fn correct_total(&self, key: &BudgetKey) -> Result<bool, StoreError> {
        self.world.store.correct_total(key).await
    }
}

#[async_trait]
impl Housekeeping for Line {
    async fn purge(&self, what: Expiring, now: DateTime<Utc>) -> Result<Purged, StoreError> {
        let world = self.world.clone();
        let effect = async move {
            let purged = world.store.purge(what, now).await?;
            if purged.rows > 0 {
                look_at_the_record(&world, Invariant::Purge).await;
            }
            Ok(purged)
        };
        self.call(Side::Store, "purges", effect.boxed()).await
    }

    async fn time(&self) -> Result<DateTime<Utc>, StoreError> {
        self.world.store.time().await
    }
}

#[async_trait]
impl TrainingDeadlines for Line {
    async fn overdue(
        &self,
        service: &ServiceType,
        deadline: Duration,
        after: Option<OverduePosition>,
        max: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<OverdueTraining>, StoreError> {
        let (world, service) = (self.world.clone(), service.clone());
        let effect = async move {
            world
                .store
                .overdue(&service, deadline, after, max, now)
                .await
        };
        self.call(Side::Store, "looks for overdue trainings", effect.boxed())
            .await
    }

    async fn settle(
        &self,
        training: &OverdueTraining,
        step: OverdueStep,
    ) -> Result<OverdueOutcome, StoreError> {
        let (world, training) = (self.world.clone(), training.clone());
        let name = self.life.name.clone();
        let effect = async move {
            let outcome = world.store.settle(&training, step.clone()).await?;
            let after = world.chronicle.elapsed();
            let words = || format!(" {}: {outcome:?}", training.request_id);
            world.chronicle.note(&name, "settled", 0, words);
            world.enter(|history| history.settled(&training, &step, outcome, after));
            world.row_put.notify_waiters();
            Ok(outcome)
        };
        self.call(Side::Store, "settles an overdue training", effect.boxed())
            .await
    }

    async fn retry(
        &self,
        request_id: RequestId,
        at: DateTime<Utc>,
    ) -> Result<RetryOutcome, StoreError> {
        let world = self.world.clone();
        let effect = async move {
            let outcome = world.store.retry(request_id, at).await?;
            let after = world.chronicle.elapsed();
            world.enter(|history| {
                history.retried(request_id, &outcome, after);
                Ok(())
            });
            world.row_put.notify_waiters();
            Ok(outcome)
        };
        self.call(Side::Store, "announces a training again", effect.boxed())
            .await
    }
}
