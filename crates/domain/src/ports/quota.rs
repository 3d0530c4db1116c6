use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::QuotaError;
use crate::values::{Budget, BudgetKey, BudgetState, Holder, Place, Segment, SegmentSums};

/// A request for a place in each of several budgets.
#[derive(Debug, Clone)]
pub struct Reservation {
    /// The holder of the places.
    pub holder: Holder,
    /// The budgets, each once; at least one.
    pub budgets: Vec<Budget>,
    /// When the holder asks.
    pub at: DateTime<Utc>,
}

/// A place that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Which, from 1: the lowest that was free.
    pub seat: u32,
    /// How many units it takes.
    pub units: u32,
    /// The budget and window, and how much of it is taken, this place included.
    pub state: BudgetState,
}

/// The result of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReserveOutcome {
    /// A place in each budget, in the order asked.
    Reserved(Vec<Taken>),
    /// A budget has too few units left. Nothing was taken from any.
    Exhausted {
        /// The first exhausted budget of the call, and how much of it is taken.
        state: BudgetState,
        /// The budgets of the call in which the holder already has a place, from an earlier call.
        held: Vec<BudgetKey>,
    },
    /// The counter does not know this budget's window. Nothing was taken from any; restore it first.
    Unknown(BudgetKey),
}

/// Distinguishes one restoration of a window from any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RestorationId(pub u64);

/// What a counter knows of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowState {
    /// Nothing.
    Unknown,
    /// It is being restored, and admits nobody.
    Restoring(RestorationId),
    /// It admits holders.
    Open,
}

/// A window's state, and the sums of its segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowSums {
    /// The state of the window.
    pub state: WindowState,
    /// The sums of each segment that has places.
    pub segments: SegmentSums,
}

/// The record's places of one segment of a window.
#[derive(Debug, Clone)]
pub struct RecordedSegment {
    /// The window.
    pub key: BudgetKey,
    /// Which of its segments.
    pub segment: Segment,
    /// All recorded places on its seats.
    pub places: Vec<Place>,
    /// The time up to which the record is final: a reservation from before this time that is not recorded will never
    /// be.
    pub as_of: DateTime<Utc>,
    /// The restoration that it belongs to; `None` if the window is open.
    pub restoration: Option<RestorationId>,
}

/// Counts the units that are taken from budgets, for any caller that has something scarce. A scope separates what the
/// caller counts separately (a service, a tenant). A holder may have one place of a window. Both are texts that the
/// counter does not interpret.
///
/// # Contract
/// 1. Of any number of concurrent reservations, those that fit the limit are admitted: never a unit more.
/// 2. All of the budgets or none: a reservation that exhausts one takes nothing from the others.
/// 3. A holder may be any text. In each budget, a holder that asks again gets the place that it has, even if the budget
///    is exhausted, and nothing is counted twice. A refusal names the budgets in which the holder has a place.
/// 4. No two holders have the same seat of a budget; a seat is the lowest free number from 1, so with one unit per use
///    it is at most the limit.
/// 5. A released place can be taken again; the release of a place that is not held changes nothing. Neither does the
///    release of a place that its holder asked for again after `as_of`: a call that gives up must not take away the
///    place of a later call.
/// 6. A window that was never restored, was forgotten, or is being restored is `Unknown` for `reserve` and `None` for
///    `usage`; it admits nobody.
/// 7. `restore` makes the counter's segment equal to the record: each recorded place is held with its seat and units,
///    also by a holder that had another place, in whichever segment. Of the segment's other places, those that were
///    reserved (or asked for again) at or after `as_of` stay, unless the record has their seat or holder; older ones
///    are removed. Other segments stay as they are.
/// 8. Windows, scopes and budgets are independent of one another. A call can ask for several budgets of one scope, and
///    for budgets of several scopes if the counter keeps them together: an adapter says whether it does.
/// 9. A limit that was lowered below the units that are taken admits nobody and takes nothing away.
/// 10. A counter forgets a window only after its end.
/// 11. A restoration begins once: all callers that begin it get the same id, until it is opened or forgotten. No id is
///     given twice. None begins in an open window. A restoration that was abandoned continues where it stopped.
/// 12. `restore` and `open` do nothing, and answer `false`, when the window is not in the restoration that they name:
///     it was forgotten, or another caller has opened the window.
/// 13. `sums` are those of the places that are held. If a counter does not know them (another version of it counted),
///     it says so, and knows them once the segment is restored.
/// 14. Every call may be repeated: a repetition changes nothing more.
/// 15. Every call ends, within a limit that the adapter documents. Its future may be dropped at any await: the call
///     then has taken effect or has not, and the counter continues to work.
/// 16. An answer to `reserve` carries the state of the budget at the moment of the decision: no other reservation or
///     release happens in between. So the caller need not ask for the `usage`.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait QuotaCounter: Send + Sync + 'static {
    /// Reserves a place in each budget, or in none.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn reserve(&self, reservation: &Reservation) -> Result<ReserveOutcome, QuotaError>;

    /// Gives back the places that the holder last asked for at or before `as_of`.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn release(
        &self,
        holder: &Holder,
        keys: &[BudgetKey],
        as_of: DateTime<Utc>,
    ) -> Result<(), QuotaError>;

    /// Units taken of each budget, in the order asked; `None` if the window is unknown.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn usage(&self, keys: &[BudgetKey]) -> Result<Vec<Option<u32>>, QuotaError>;

    /// The window's state and sums.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn sums(&self, key: &BudgetKey) -> Result<WindowSums, QuotaError>;

    /// Begins to restore a window, or joins the restoration that is under way; `None` if the window is open.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn begin_restoration(&self, key: &BudgetKey)
    -> Result<Option<RestorationId>, QuotaError>;

    /// Corrects one segment from the record; `false` if the window is not in the state that the call names.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn restore(&self, record: &RecordedSegment) -> Result<bool, QuotaError>;

    /// Ends a restoration: the window admits holders. `false` if it is not in that restoration.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn open(&self, key: &BudgetKey, restoration: RestorationId) -> Result<bool, QuotaError>;
}
