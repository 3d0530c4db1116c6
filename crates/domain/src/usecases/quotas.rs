mod flights;
mod restorer;

use std::{collections::HashSet, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use self::{flights::Flights, restorer::Restorer};
use crate::{
    ports::{
        Clock, PlaceRecord, QuotaCounter, QuotaError, Reservation, ReserveOutcome, StoreError,
        Taken,
    },
    values::{Budget, BudgetKey, BudgetState, Catalogue, Holder, Segment},
};

/// How often a counter may forget a window while one call is under way, or what was restored of it so far.
const MAX_RESTORES: usize = 32;

/// Why the quota cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QuotasError {
    /// The counter failed.
    #[error("the quota counter failed")]
    Counter(#[from] QuotaError),
    /// The record, from which the counter is restored, cannot be read.
    #[error("the record of places cannot be read")]
    Record(#[from] StoreError),
    /// The restoration that this call waited for, perhaps with others, failed.
    #[error("the quota counter could not be restored")]
    Restoration(#[source] Arc<Self>),
    /// The counter is right, the record's total of the units is not.
    #[error("the total of a budget's units could not be corrected")]
    Total(#[source] StoreError),
}

impl QuotasError {
    /// The same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Counter(error) => error.is_transient(),
            Self::Record(error) | Self::Total(error) => error.is_transient(),
            Self::Restoration(error) => error.is_transient(),
        }
    }
}

/// A window that could not be set right, and why.
#[derive(Debug)]
pub struct Unreconciled {
    /// Which.
    pub key: BudgetKey,
    /// Why.
    pub error: QuotasError,
}

impl Unreconciled {
    /// The counter cannot be used now, in which case it is no use to start. A total that is wrong costs its budget only.
    #[must_use]
    pub fn prevents_a_start(&self) -> bool {
        self.error.is_transient() && !matches!(self.error, QuotasError::Total(_))
    }
}

/// Why no place was reserved: a budget has too little left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exhausted {
    /// Which, and what is taken of it.
    pub state: BudgetState,
    /// The budgets in which the holder has a place from an earlier call.
    pub held: Vec<BudgetKey>,
}

/// The counter and the record that it is restored from.
///
/// The counter is fast and may forget; the record is what really happened. A counter that knows nothing of a window
/// (it is new, or the counter lost it) is restored before it admits anybody. Callers who meet the same unknown window
/// share one restoration and its outcome; it goes on for as long as one of them waits, and the next begins where it stood.
pub struct Quotas {
    restorer: Restorer,
    windows: Flights<BudgetKey>,
    segments: Flights<(BudgetKey, Segment)>,
    corrections: Flights<BudgetKey>,
}

impl Quotas {
    /// `grace` is how long a reservation may stand without being recorded: longer than any request takes, and than that
    /// by as much as the clocks of two replicas may differ.
    pub fn new(
        counter: Arc<dyn QuotaCounter>,
        record: Arc<dyn PlaceRecord>,
        clock: Arc<dyn Clock>,
        grace: Duration,
    ) -> Self {
        Self {
            restorer: Restorer {
                counter,
                record,
                clock,
                grace,
            },
            windows: Flights::default(),
            segments: Flights::default(),
            corrections: Flights::default(),
        }
    }

    /// Reserves a place in each budget, or answers the one that is exhausted.
    ///
    /// # Errors
    /// If the counter fails, or cannot be restored.
    pub async fn reserve(
        &self,
        holder: &Holder,
        budgets: &[Budget],
    ) -> Result<Result<Vec<Taken>, Exhausted>, QuotasError> {
        let now = self.restorer.clock.now();
        self.reserve_at(holder, budgets, now).await
    }

    /// Reserves as of an instant, by which [`release`](Self::release) knows the reservation from a later one.
    ///
    /// # Errors
    /// If the counter fails, or cannot be restored.
    pub async fn reserve_at(
        &self,
        holder: &Holder,
        budgets: &[Budget],
        at: DateTime<Utc>,
    ) -> Result<Result<Vec<Taken>, Exhausted>, QuotasError> {
        let reservation = Reservation {
            holder: holder.clone(),
            budgets: budgets.to_vec(),
            at,
        };
        for _ in 0..=MAX_RESTORES {
            match self.restorer.counter.reserve(&reservation).await? {
                ReserveOutcome::Reserved(taken) => return Ok(Ok(taken)),
                ReserveOutcome::Exhausted { state, held } => {
                    return Ok(Err(Exhausted { state, held }));
                }
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
            let usage = self.restorer.counter.usage(&keys).await?;
            if let Some(known) = usage.into_iter().collect() {
                return Ok(known);
            }
            self.restore_unknown(&keys).await?;
        }
        Err(forgets())
    }

    /// Whether the counter answers. Neither a window that is still to be restored nor one that cannot be read (its
    /// service alone suffers) is a reason that it does not.
    ///
    /// # Errors
    /// If the counter is away.
    pub async fn check(&self, catalogue: &Catalogue) -> Result<(), QuotasError> {
        for service in catalogue.iter() {
            let keys = keys(&service.budgets_at(self.restorer.clock.now()));
            match self.restorer.counter.usage(&keys).await {
                Err(error) if error.is_transient() => return Err(error.into()),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Gives back the places that the holder asked for last at or before `as_of`.
    ///
    /// # Errors
    /// If the counter fails.
    pub async fn release(
        &self,
        holder: &Holder,
        keys: &[BudgetKey],
        as_of: DateTime<Utc>,
    ) -> Result<(), QuotasError> {
        Ok(self.restorer.counter.release(holder, keys, as_of).await?)
    }

    /// Sets the counter right around a seat of a window that the record says is another's.
    ///
    /// # Errors
    /// If the counter fails, or the record cannot be read.
    pub async fn restore_seat(&self, key: &BudgetKey, seat: u32) -> Result<(), QuotasError> {
        let (restorer, key) = (self.restorer.clone(), key.clone());
        let segment = Segment::of(seat);
        self.segments
            .join(&(key.clone(), segment), async move {
                restorer.segment(&key, segment, None).await.map(drop)
            })
            .await
    }

    /// Sets a whole window right, together with all who want the same: where its segment was not what a seat lacked.
    ///
    /// # Errors
    /// If the counter fails, or the record cannot be read.
    pub async fn restore_window(&self, key: &BudgetKey) -> Result<(), QuotasError> {
        let (restorer, window) = (self.restorer.clone(), key.clone());
        self.corrections
            .join(key, async move {
                // One that is not known is restored by the next reservation.
                restorer.correct(&window).await.map(drop)
            })
            .await
    }

    /// Sets windows right from the record: what was reserved longer ago than the grace and never recorded is given
    /// back, and what the counter forgot is counted again. Only what differs is written.
    ///
    /// # Errors
    /// If the counter fails, or the record cannot be read.
    pub async fn restore(&self, keys: &[BudgetKey]) -> Result<(), QuotasError> {
        for key in keys {
            if !self.restorer.correct_with_total(key).await? {
                self.open(key).await?;
            }
        }
        Ok(())
    }

    /// Sets every current budget of every service right: after a crash places taken are again the places recorded.
    /// Answers what could not be set right; one window does not stop the others.
    pub async fn reconcile(&self, catalogue: &Catalogue) -> Vec<Unreconciled> {
        let mut failed = Vec::new();
        // A budget that is shared is one of several services.
        let mut reconciled = HashSet::new();
        for service in catalogue.iter() {
            for key in keys(&service.budgets_at(self.restorer.clock.now())) {
                if !reconciled.insert(key.clone()) {
                    continue;
                }
                if let Err(error) = self.restore(std::slice::from_ref(&key)).await {
                    failed.push(Unreconciled { key, error });
                }
            }
        }
        failed
    }

    /// Restores those of the windows that the counter does not know.
    async fn restore_unknown(&self, keys: &[BudgetKey]) -> Result<(), QuotasError> {
        let usage = self.restorer.counter.usage(keys).await?;
        for (key, used) in keys.iter().zip(usage) {
            if used.is_none() {
                self.open(key).await?;
            }
        }
        Ok(())
    }

    /// Restores a window that the counter does not know, together with all who wait for the same.
    async fn open(&self, key: &BudgetKey) -> Result<(), QuotasError> {
        let (restorer, window) = (self.restorer.clone(), key.clone());
        self.windows
            .join(key, async move { restorer.open(&window).await })
            .await
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
