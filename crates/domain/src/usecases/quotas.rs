mod flights;
mod latest;
mod restorer;
mod usage;

use std::{collections::HashSet, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use self::{flights::Flights, latest::LatestUsage, restorer::Restorer, usage::UsageAnswer};
use crate::{
    ports::{
        Clock, PlaceRecord, QuotaCounter, QuotaError, Reservation, ReserveOutcome, StoreError,
        Taken,
    },
    values::{Budget, BudgetKey, BudgetState, Catalogue, Holder, Segment},
    waiting::{Neighbour, wait_for},
};

/// How often a counter may forget a window, or the restored part of it, while one call is under way.
const MAX_RESTORES: usize = 32;

/// Why the quota is not known.
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
    /// The question that this call shared with others failed.
    #[error("the quota counter could not be asked")]
    Shared(#[source] Arc<Self>),
    /// The counter is right, but the record's total of the units is not.
    #[error("the total of a budget's units could not be corrected")]
    Total(#[source] StoreError),
}

impl QuotasError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Counter(error) => error.is_transient(),
            Self::Record(error) | Self::Total(error) => error.is_transient(),
            Self::Restoration(error) | Self::Shared(error) => error.is_transient(),
        }
    }
}

/// A window that could not be corrected, and why.
#[derive(Debug)]
pub struct Unreconciled {
    /// The window.
    pub key: BudgetKey,
    /// The reason.
    pub error: QuotasError,
}

impl Unreconciled {
    /// Whether the counter cannot be used now, so that a start is of no use. A wrong total affects its budget only.
    #[must_use]
    pub fn prevents_a_start(&self) -> bool {
        self.error.is_transient() && !matches!(self.error, QuotasError::Total(_))
    }
}

/// Why no place was reserved: a budget has too few units left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exhausted {
    /// The budget, and how much of it is taken.
    pub state: BudgetState,
    /// The budgets in which the holder has a place from an earlier call.
    pub held: Vec<BudgetKey>,
}

/// The counter and the record that it is restored from.
///
/// The counter is fast and may forget; the record has the committed places. A window that the counter does not know (it
/// is new, or the counter lost it) is restored before it admits anybody. Callers that meet the same unknown window
/// share one restoration and its outcome. It goes on for as long as one of them waits, and the next restoration
/// continues where it stopped.
pub struct Quotas {
    restorer: Restorer,
    windows: Flights<BudgetKey>,
    segments: Flights<(BudgetKey, Segment)>,
    corrections: Flights<BudgetKey>,
    /// By the windows, and the changes that this process had seen.
    questions: Flights<(Vec<BudgetKey>, u64), UsageAnswer>,
    latest: LatestUsage,
    max_age: TimeDelta,
}

impl Quotas {
    /// `grace` is how long a reservation may exist without being recorded: longer than any request takes, plus the
    /// largest difference between the clocks of two replicas.
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
            questions: Flights::default(),
            latest: LatestUsage::default(),
            max_age: TimeDelta::zero(),
        }
    }

    /// Lets [`usage`](Self::usage) answer what the counter was asked at most this long ago, so that many callers share
    /// one question. Without it, each call asks.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = TimeDelta::from_std(max_age).unwrap_or(TimeDelta::MAX);
        self
    }

    /// Reserves a place in each budget, or answers which budget is exhausted.
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

    /// Reserves as of an instant. [`release`](Self::release) uses it to distinguish the reservation from a later one.
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
            let asked = self.latest.asking(self.restorer.clock.now());
            let reserving = self.restorer.counter.reserve(&reservation);
            match wait_for(Neighbour::Quota, reserving).await? {
                ReserveOutcome::Reserved(taken) => {
                    self.latest.changed();
                    self.latest.note_taken(&taken, asked);
                    return Ok(Ok(taken));
                }
                ReserveOutcome::Exhausted { state, held } => {
                    self.latest.contradict(&state.key, state.used);
                    return Ok(Err(Exhausted { state, held }));
                }
                ReserveOutcome::Unknown(_) => self.restore_unknown(&keys(budgets)).await?,
            }
        }
        Err(forgets())
    }

    /// Whether the counter answers. A window that is not restored yet, or that cannot be read (which affects only its
    /// service), does not count as a failure.
    ///
    /// # Errors
    /// If the counter is unavailable.
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

    /// Gives back the places that the holder last asked for at or before `as_of`.
    ///
    /// # Errors
    /// If the counter fails.
    pub async fn release(
        &self,
        holder: &Holder,
        keys: &[BudgetKey],
        as_of: DateTime<Utc>,
    ) -> Result<(), QuotasError> {
        let releasing = self.restorer.counter.release(holder, keys, as_of);
        let released = wait_for(Neighbour::Quota, releasing).await;
        self.latest.changed();
        Ok(released?)
    }

    /// Corrects the counter around a seat that belongs to another holder in the record.
    ///
    /// # Errors
    /// If the counter fails, or the record cannot be read.
    pub async fn restore_seat(&self, key: &BudgetKey, seat: u32) -> Result<(), QuotasError> {
        let (restorer, key) = (self.restorer.clone(), key.clone());
        let segment = Segment::of(seat);
        let both = (key.clone(), segment);
        let restoring = self.segments.join(&both, async move {
            restorer.segment(&key, segment, None).await.map(drop)
        });
        wait_for(Neighbour::Quota, restoring).await
    }

    /// Corrects a whole window, for when the correction of a seat's segment was not enough. Callers that want the same
    /// share the work.
    ///
    /// # Errors
    /// If the counter fails, or the record cannot be read.
    pub async fn restore_window(&self, key: &BudgetKey) -> Result<(), QuotasError> {
        let (restorer, window) = (self.restorer.clone(), key.clone());
        let correcting = self.corrections.join(key, async move {
            // A window that the counter does not know is restored by the next reservation.
            restorer.correct(&window).await.map(drop)
        });
        wait_for(Neighbour::Quota, correcting).await
    }

    /// Corrects windows from the record: places that were reserved longer ago than the grace and never recorded are
    /// given back, and places that the counter forgot are counted again. Only differences are written.
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

    /// Corrects every current budget of every service, so that after a crash the taken places are the recorded places
    /// again. Answers which windows could not be corrected; one window does not stop the others.
    pub async fn reconcile(&self, catalogue: &Catalogue) -> Vec<Unreconciled> {
        let mut failed = Vec::new();
        // Several services have the same shared budget.
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

    /// Restores the windows that the counter does not know.
    async fn restore_unknown(&self, keys: &[BudgetKey]) -> Result<(), QuotasError> {
        let usage = wait_for(Neighbour::Quota, self.restorer.counter.usage(keys)).await?;
        for (key, used) in keys.iter().zip(usage) {
            if used.is_none() {
                self.open(key).await?;
            }
        }
        Ok(())
    }

    /// Restores a window that the counter does not know, together with all callers that wait for it.
    async fn open(&self, key: &BudgetKey) -> Result<(), QuotasError> {
        let (restorer, window) = (self.restorer.clone(), key.clone());
        let opening = self
            .windows
            .join(key, async move { restorer.open(&window).await });
        wait_for(Neighbour::Quota, opening).await
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
