use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::values::{BudgetKey, Place, Segment, SegmentSums};

/// The sums of some segments of the record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordSums {
    /// Each segment that has places, from the one that was asked for to the one before `next`.
    pub segments: SegmentSums,
    /// The units that all their places take, also of segments whose other sums are not known.
    pub units: u64,
    /// Where to continue; `None` if there is nothing more.
    pub next: Option<Segment>,
}

/// The record of committed places, from which a counter is restored.
///
/// # Contract
/// 1. The record has every place of a stored request until the window of the place is over. A deletion removes no
///    place; a training that failed gives its own places back.
/// 2. An answer has no places of other services, budgets and windows. Places of a shared budget have the holders in
///    whose names they were reserved.
/// 3. `segment` has the places on the segment's seats, by seat, and no others.
/// 4. `sums` come in portions, so that each call reads a bounded number of rows. A caller that continues from each
///    `next` gets every segment that has places, once.
/// 5. The sums of a segment are those of its places. If they are not known (another version stored some), the record
///    says so.
/// 6. For each budget except the day's, requests are bounded by a `total` of the units of the recorded places. It is 0
///    until units are added. `correct_total` sets it to the units of the places, and tells whether it was different; a
///    request that stores or gives back places meanwhile is counted once, and does not wait. Of concurrent corrections,
///    one takes effect.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait PlaceRecord: Send + Sync + 'static {
    /// The sums of a budget's window, beginning with the given segment.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn sums(&self, key: &BudgetKey, from: Segment) -> Result<RecordSums, StoreError>;

    /// The recorded places of one segment.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn segment(&self, key: &BudgetKey, segment: Segment) -> Result<Vec<Place>, StoreError>;

    /// The total that bounds a budget's units in a window. Reads no places.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn total(&self, key: &BudgetKey) -> Result<u64, StoreError>;

    /// Corrects a total; `false` also if another caller is correcting it. Reads the whole window.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn correct_total(&self, key: &BudgetKey) -> Result<bool, StoreError>;
}

/// How long a row stays after it expired. Far more than [`MAX_SKEW`](super::MAX_SKEW): a row that was removed too early
/// cannot be recovered, a row that stays too long only takes space.
pub const PURGE_SLACK: Duration = Duration::from_secs(60 * 60);

/// How many rows one call of a purge removes at most: in a store with one writer, all others wait for it meanwhile.
pub const PURGE_PORTION: u32 = 500;

/// What can expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expiring {
    /// Pending sign-ins that nobody completed.
    PendingSignIns,
    /// Attempts, when they need not be remembered any more.
    Attempts,
    /// Places, when their window and the cooldown of their use are over.
    Places,
    /// Uses, when their cooldown and all their windows are over. An imported use stays: see
    /// [`ImportTarget`](super::ImportTarget).
    Uses,
    /// Sums of the units of a budget, when their window is over.
    BudgetTotals,
    /// Revocations, when the tokens that they are about have expired.
    Revocations,
    /// Tickets of jobs, when no message can have them any more.
    JobTickets,
}

impl Expiring {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::PendingSignIns,
        Self::Attempts,
        Self::Places,
        Self::Uses,
        Self::BudgetTotals,
        Self::Revocations,
        Self::JobTickets,
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
            Self::Revocations => "revocations",
            Self::JobTickets => "tickets of jobs",
        }
    }
}

/// The result of one call of a purge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purged {
    /// How many rows it removed.
    pub rows: u64,
    /// Whether there may be more to remove.
    pub more: bool,
}

/// Removal of rows that nothing needs any more.
///
/// # Contract
/// 1. A row is removed when it expired [`PURGE_SLACK`] ago, by the earlier of the caller's `now` and the store's own
///    clock; not before. A clock that is ahead removes nothing.
/// 2. A use expires when its cooldown and all its windows are over, unless the person has an imported use of the service:
///    then no use of theirs expires. A place expires when its window and the cooldown of its use are over.
/// 3. An attempt expires when it need not be remembered any more, whatever happens to its use.
/// 4. Rows that still count stay.
/// 5. One call removes rows of one kind, at most [`PURGE_PORTION`] of them, in a transaction of its own, and
///    tells whether there may be more.
/// 6. Calls may overlap with each other and with everything else that the store does.
#[async_trait]
pub trait Housekeeping: Send + Sync + 'static {
    /// Removes a portion of the expired rows.
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
