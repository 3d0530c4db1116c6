use std::{sync::Arc, time::Duration};

use futures::lock::Mutex;

use crate::{
    ports::{
        Clock, PlaceRecord, QuotaCounter, QuotaError, Reservation, ReserveOutcome, StoreError,
        Taken,
    },
    values::{Budget, BudgetKey, Catalogue, Holder},
};

/// How often a counter may forget a window while one call is under way.
const MAX_RESTORES: usize = 3;

/// Why the quota cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QuotasError {
    /// The counter failed.
    #[error("the quota counter failed")]
    Counter(#[from] QuotaError),
    /// The record, from which the counter is restored, cannot be read.
    #[error("the quota counter could not be restored")]
    Record(#[from] StoreError),
}

/// The counter and the record that it is restored from.
///
/// The counter is fast and may forget; the record is what really happened. A counter that knows nothing of a window
/// (it is new, or the counter lost it) is restored before it admits anybody.
pub struct Quotas {
    counter: Arc<dyn QuotaCounter>,
    record: Arc<dyn PlaceRecord>,
    clock: Arc<dyn Clock>,
    grace: Duration,
    restoring: Mutex<()>,
}

impl Quotas {
    /// `grace` is how long a reservation may stand without being recorded: longer than any request takes.
    pub fn new(
        counter: Arc<dyn QuotaCounter>,
        record: Arc<dyn PlaceRecord>,
        clock: Arc<dyn Clock>,
        grace: Duration,
    ) -> Self {
        Self {
            counter,
            record,
            clock,
            grace,
            restoring: Mutex::new(()),
        }
    }

    /// Reserves a place in each budget, or answers the one that is exhausted.
    ///
    /// # Errors
    /// If the counter fails, or cannot be restored.
    pub async fn reserve(
        &self,
        holder: Holder,
        budgets: &[Budget],
    ) -> Result<Result<Vec<Taken>, BudgetKey>, QuotasError> {
        let reservation = Reservation {
            holder,
            budgets: budgets.to_vec(),
            at: self.clock.now(),
        };
        for _ in 0..=MAX_RESTORES {
            match self.counter.reserve(&reservation).await? {
                ReserveOutcome::Reserved(taken) => return Ok(Ok(taken)),
                ReserveOutcome::Exhausted(key) => return Ok(Err(key)),
                ReserveOutcome::Unknown(_) => self.restore_unknown(&keys(budgets)).await?,
            }
        }
        Err(forgets())
    }

    /// Units taken of each budget.
    ///
    /// # Errors
    /// If the counter fails, or cannot be restored.
    pub async fn usage(&self, budgets: &[Budget]) -> Result<Vec<u32>, QuotasError> {
        let keys = keys(budgets);
        for _ in 0..=MAX_RESTORES {
            let usage = self.counter.usage(&keys).await?;
            if let Some(known) = usage.into_iter().collect() {
                return Ok(known);
            }
            self.restore_unknown(&keys).await?;
        }
        Err(forgets())
    }

    /// Gives the holder's places back.
    ///
    /// # Errors
    /// If the counter fails.
    pub async fn release(&self, holder: Holder, budgets: &[Budget]) -> Result<(), QuotasError> {
        Ok(self.counter.release(holder, &keys(budgets)).await?)
    }

    /// Gives back those of the holder's places that are not recorded. Another request of the same person may have recorded
    /// the others, of which it and the caller have one and the same.
    ///
    /// # Errors
    /// If the counter fails, or the record cannot be read.
    pub async fn give_back(&self, holder: Holder, budgets: &[Budget]) -> Result<(), QuotasError> {
        let mut unrecorded = Vec::new();
        for key in keys(budgets) {
            let record = self.record.places(&key).await?;
            if record.iter().all(|place| place.holder != holder) {
                unrecorded.push(key);
            }
        }
        if unrecorded.is_empty() {
            return Ok(());
        }
        Ok(self.counter.release(holder, &unrecorded).await?)
    }

    /// Sets budgets right from the record: what was reserved longer ago than the grace and never recorded is given
    /// back, and what the counter forgot is counted again.
    ///
    /// # Errors
    /// If the counter fails, or the record cannot be read.
    pub async fn restore(&self, keys: &[BudgetKey]) -> Result<(), QuotasError> {
        for key in keys {
            let as_of = self.clock.now() - self.grace;
            let record = self.record.places(key).await?;
            self.counter.restore(key, &record, as_of).await?;
        }
        Ok(())
    }

    /// Sets every current budget of every service right: after a crash places taken are again the places recorded.
    ///
    /// # Errors
    /// If the counter fails, or the record cannot be read.
    pub async fn reconcile(&self, catalogue: &Catalogue) -> Result<(), QuotasError> {
        for service in catalogue.iter() {
            self.restore(&keys(&service.budgets_at(self.clock.now())))
                .await?;
        }
        Ok(())
    }

    /// One caller restores, the others wait and find it done.
    async fn restore_unknown(&self, keys: &[BudgetKey]) -> Result<(), QuotasError> {
        let _one_at_a_time = self.restoring.lock().await;
        let usage = self.counter.usage(keys).await?;
        let unknown: Vec<BudgetKey> = keys
            .iter()
            .zip(usage)
            .filter(|(_, used)| used.is_none())
            .map(|(key, _)| key.clone())
            .collect();
        self.restore(&unknown).await
    }
}

fn keys(budgets: &[Budget]) -> Vec<BudgetKey> {
    budgets.iter().map(|budget| budget.key.clone()).collect()
}

fn forgets() -> QuotasError {
    QuotasError::Counter(QuotaError::Unavailable(
        "the counter keeps forgetting the window".into(),
    ))
}
