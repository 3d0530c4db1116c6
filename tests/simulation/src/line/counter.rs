use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use lemon_domain::{
    ports::{
        QuotaCounter, QuotaError, RecordedSegment, Reservation, ReserveOutcome, RestorationId,
        WindowSums,
    },
    values::{BudgetKey, Holder},
};

use super::Line;
use crate::{mutation::Cut, plan::Side};

/// Longer than any run.
const LONG: TimeDelta = TimeDelta::days(9_000);

#[async_trait]
impl QuotaCounter for Line {
    async fn reserve(&self, reservation: &Reservation) -> Result<ReserveOutcome, QuotaError> {
        let (world, wish) = (self.world.clone(), reservation.clone());
        let name = self.life.name.clone();
        let effect = async move {
            let mut outcome = world.counter.reserve(&wish).await?;
            let words = || format!(" {}: {outcome:?}", wish.holder);
            world.chronicle.note(&name, "reserved", 0, words);
            world.enter(|history| {
                history.gave(&wish.holder, &outcome);
                Ok(())
            });
            if world.is_without(Cut::ReservedUnits)
                && let ReserveOutcome::Reserved(taken) = &mut outcome
            {
                for (taken, budget) in taken.iter_mut().zip(&wish.budgets) {
                    taken.units = budget.units;
                }
            }
            Ok(outcome)
        };
        self.call(Side::Counter, "reserves", effect.boxed()).await
    }

    async fn release(
        &self,
        holder: &Holder,
        keys: &[BudgetKey],
        as_of: DateTime<Utc>,
    ) -> Result<(), QuotaError> {
        let (world, holder, keys) = (self.world.clone(), holder.clone(), keys.to_vec());
        let name = self.life.name.clone();
        let as_of = if world.is_without(Cut::AsOfOfRelease) {
            as_of + LONG
        } else {
            as_of
        };
        let effect = async move {
            let words = || format!(" {holder}, {} places", keys.len());
            world.chronicle.note(&name, "released", 0, words);
            world.counter.release(&holder, &keys, as_of).await
        };
        self.call(Side::Counter, "releases", effect.boxed()).await
    }

    async fn usage(&self, keys: &[BudgetKey]) -> Result<Vec<Option<u32>>, QuotaError> {
        let (world, keys) = (self.world.clone(), keys.to_vec());
        let effect = async move { world.counter.usage(&keys).await };
        self.call(Side::Counter, "asks for usage", effect.boxed())
            .await
    }

    async fn sums(&self, key: &BudgetKey) -> Result<WindowSums, QuotaError> {
        let (world, key) = (self.world.clone(), key.clone());
        let effect = async move { QuotaCounter::sums(&*world.counter, &key).await };
        self.call(Side::Counter, "asks for sums", effect.boxed())
            .await
    }

    async fn begin_restoration(
        &self,
        key: &BudgetKey,
    ) -> Result<Option<RestorationId>, QuotaError> {
        let (world, key) = (self.world.clone(), key.clone());
        let effect = async move { world.counter.begin_restoration(&key).await };
        self.call(Side::Counter, "begins to restore", effect.boxed())
            .await
    }

    async fn restore(&self, record: &RecordedSegment) -> Result<bool, QuotaError> {
        let (world, mut record) = (self.world.clone(), record.clone());
        if world.is_without(Cut::AsOfOfRestore) {
            record.as_of += LONG;
        }
        if world.is_without(Cut::GiveBack) {
            record.as_of -= LONG;
        }
        let effect = async move { world.counter.restore(&record).await };
        self.call(Side::Counter, "restores a segment", effect.boxed())
            .await
    }

    async fn open(&self, key: &BudgetKey, restoration: RestorationId) -> Result<bool, QuotaError> {
        let (world, key) = (self.world.clone(), key.clone());
        let effect = async move { world.counter.open(&key, restoration).await };
        self.call(Side::Counter, "opens a window", effect.boxed())
            .await
    }
}
