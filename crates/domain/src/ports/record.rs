use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::values::{BudgetKey, Place, Segment, SegmentSums};

/// What some segments of the record sum up to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordSums {
    /// Each segment that has places, from the one that was asked for to the one before `next`.
    pub segments: SegmentSums,
    /// The units that all their places take, also of the segments whose other sums cannot be told.
    pub units: u64,
    /// Where to go on; `None` if there is nothing more.
    pub next: Option<Segment>,
}

/// The record of places that were really taken: what a counter is restored from.
///
/// # Contract
/// 1. Every place of a stored request is there, until its window is over; a deletion takes none away, a training that failed
///    gives its own back.
/// 2. Places of other services, budgets and windows are not. Those of a shared budget are there with the holders in whose
///    names they were reserved.
/// 3. `segment` has the places on the segment's seats, by seat, and no others.
/// 4. `sums` come in portions, so that no call reads more than a bounded number of rows. Who goes on from each `next`
///    meets every segment that has places, once.
/// 5. The sums of a segment are those of its places. Where they cannot be told (another version stored some), the
///    record says so.
/// 6. Of each budget but the day's, requests are bounded by a `total` of the units of the recorded places. It is 0 where nothing
///    was added up yet. `correct_total` sets it to what the places take, and tells whether it was something else; whoever
///    stores or gives back places meanwhile is counted once, and does not wait. Of concurrent corrections one is made.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait PlaceRecord: Send + Sync + 'static {
    /// What segments of a budget's window sum up to, from the given one on.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn sums(&self, key: &BudgetKey, from: Segment) -> Result<RecordSums, StoreError>;

    /// The recorded places of one segment.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn segment(&self, key: &BudgetKey, segment: Segment) -> Result<Vec<Place>, StoreError>;

    /// The total by which a budget's units are bounded in a window. Reads no places.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn total(&self, key: &BudgetKey) -> Result<u64, StoreError>;

    /// Sets a total right; `false` also if another is just setting it right. Reads the whole window.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn correct_total(&self, key: &BudgetKey) -> Result<bool, StoreError>;
}

/// How long after its expiry a row stays. Far more than [`MAX_SKEW`](super::MAX_SKEW): what was removed too early
/// cannot be had again, what stays too long costs its room.
pub const PURGE_SLACK: Duration = Duration::from_secs(60 * 60);

/// How many rows one call of a purge removes at most: on a store with one writer, all others wait for it meanwhile.
pub const PURGE_PORTION: u32 = 500;

/// What can expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expiring {
    /// Sign-ins nobody came back for.
    PendingSignIns,
    /// Attempts, when they need not be remembered any more.
    Attempts,
    /// Places, when their window and the cooldown of their use are over.
    Places,
    /// Uses, when their cooldown and all their windows are over.
    Uses,
    /// Sums of the units of a budget, when their window is over.
    BudgetTotals,
}

impl Expiring {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::PendingSignIns,
        Self::Attempts,
        Self::Places,
        Self::Uses,
        Self::BudgetTotals,
    ];

    /// The name in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PendingSignIns => "pending sign-ins",
            Self::Attempts => "attempts",
            Self::Places => "places",
            Self::Uses => "uses",
            Self::BudgetTotals => "budget totals",
        }
    }
}

/// What one call of a purge did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purged {
    /// How many rows it removed.
    pub rows: u64,
    /// There may be more to remove.
    pub more: bool,
}

/// Removal of what nothing needs any more.
///
/// # Contract
/// 1. A row goes when it expired [`PURGE_SLACK`] ago, by the earlier of the caller's `now` and the store's own clock;
///    not before. A clock that is ahead removes nothing.
/// 2. A use expires when its cooldown and all its windows are over. A place expires when its window and the cooldown of
///    its use are over.
/// 3. An attempt expires when it need not be remembered any more, whatever becomes of its use.
/// 4. Whatever still counts stays.
/// 5. One call removes rows of one kind, at most [`PURGE_PORTION`] of them, in a transaction of its own, and
///    tells whether there may be more.
/// 6. Callers may overlap with each other and with all else that the store does.
#[async_trait]
pub trait Housekeeping: Send + Sync + 'static {
    /// Removes a portion of what has expired.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn purge(&self, what: Expiring, now: DateTime<Utc>) -> Result<Purged, StoreError>;

    /// The store's own clock.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn time(&self) -> Result<DateTime<Utc>, StoreError>;
}
