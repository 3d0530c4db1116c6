use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::QuotaError;
use crate::values::{Budget, BudgetKey, BudgetState, Holder, Place, Segment, SegmentSums};

/// A wish for a place in each of several budgets.
#[derive(Debug, Clone)]
pub struct Reservation {
    /// On whose behalf.
    pub holder: Holder,
    /// In which budgets, each once; at least one.
    pub budgets: Vec<Budget>,
    /// When.
    pub at: DateTime<Utc>,
}

/// A place that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Which, from 1: the lowest that was free.
    pub seat: u32,
    /// How many units it takes.
    pub units: u32,
    /// Of which budget and window, and what is taken of it, this place included.
    pub state: BudgetState,
}

/// What became of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReserveOutcome {
    /// A place in each budget, in the order asked.
    Reserved(Vec<Taken>),
    /// A budget has too little left. Nothing was taken from any.
    Exhausted {
        /// Which, and what is taken of it: the first of the call.
        state: BudgetState,
        /// Those of the call in which the holder has a place, from an earlier call.
        held: Vec<BudgetKey>,
    },
    /// The counter knows nothing of this budget's window. Nothing was taken from any; restore it first.
    Unknown(BudgetKey),
}

/// Tells one restoration of a window from any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RestorationId(pub u64);

/// What a counter knows of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowState {
    /// Nothing.
    Unknown,
    /// It is being restored, and admits nobody.
    Restoring(RestorationId),
    /// It admits.
    Open,
}

/// A window's state, and what its segments sum up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowSums {
    /// What is known of it.
    pub state: WindowState,
    /// The sums of each segment that has places.
    pub segments: SegmentSums,
}

/// What the record says of one segment of a window.
#[derive(Debug, Clone)]
pub struct RecordedSegment {
    /// The window.
    pub key: BudgetKey,
    /// Which of its segments.
    pub segment: Segment,
    /// All recorded places on its seats.
    pub places: Vec<Place>,
    /// As of when: of what was reserved earlier and is not recorded, nothing will be recorded any more.
    pub as_of: DateTime<Utc>,
    /// In which restoration; `None` if the window is open.
    pub restoration: Option<RestorationId>,
}

/// Counts what is taken from budgets, for anybody who has something scarce. A scope is whatever the caller counts apart (a
/// service, a tenant). A holder is whoever may have one place of a window. Both are texts that the counter does not read.
///
/// # Contract
/// 1. Of any number of concurrent reservations, those are admitted that fit the limit: never a unit more.
/// 2. All of the budgets or none: what exhausts one takes nothing from the others.
/// 3. A holder, whatever the text, who asks again gets the place they have, budget by budget, and nothing is counted
///    twice, even when the budget is exhausted. A refusal names the budgets in which they have one.
/// 4. No two holders have the same seat of a budget; a seat is the lowest free one from 1, so with
///    one unit a use it is at most the limit.
/// 5. A released place can be taken again; a release of what is not held changes nothing. Nor does one of what its holder
///    asked for again after `as_of`: a call that gives up must not take the place of one that came after it.
/// 6. A window that was never restored, was forgotten, or is being restored is `Unknown` for `reserve` and `None` for
///    `usage`; it admits nobody.
/// 7. `restore` makes the record of a segment true: each recorded place is held with its seat and units, also by a
///    holder who had another, in whichever segment. Of the segment's other places, those reserved (or asked for again)
///    at or after `as_of` stay, unless the record has their seat or holder; older ones go. Other segments stay as they are.
/// 8. Windows, scopes and budgets do not touch one another. Budgets of one scope can be asked for together, and those of
///    several where the counter keeps them together: an adapter says where it does.
/// 9. A limit that was lowered below what is taken admits nobody and takes nothing away.
/// 10. A counter forgets a window only after its end.
/// 11. A restoration begins once: all who begin it have the same id, until it is opened or forgotten. No id is given
///     twice. In an open window none begins. A restoration that is left alone goes on where it stood.
/// 12. `restore` and `open` do nothing, and answer `false`, when the restoration they name is not the window's: it was
///     forgotten, or another caller has opened the window.
/// 13. `sums` are those of the places that are held. Where a counter cannot tell them (another version of it counted),
///     it says so, and tells them once the segment is restored.
/// 14. Every call may be repeated: that changes nothing more.
/// 15. Every call ends, within a limit that the adapter says. Its future may be dropped at any await: the call is then
///     made or not made, and the counter goes on.
/// 16. An answer to `reserve` carries the state of the budget in the moment in which it decided: no other reservation or
///     release lies between. Who asked need not ask for the `usage`.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait QuotaCounter: Send + Sync + 'static {
    /// Reserves a place in each budget, or in none.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn reserve(&self, reservation: &Reservation) -> Result<ReserveOutcome, QuotaError>;

    /// Gives back the places that the holder asked for last at or before `as_of`.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn release(
        &self,
        holder: &Holder,
        keys: &[BudgetKey],
        as_of: DateTime<Utc>,
    ) -> Result<(), QuotaError>;

    /// Units taken of each budget, in the order asked; `None` where the window is unknown.
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

    /// Sets one segment right from the record; `false` if the window is not in the state that the call says.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn restore(&self, record: &RecordedSegment) -> Result<bool, QuotaError>;

    /// Ends a restoration: the window admits. `false` if it is not in that restoration.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn open(&self, key: &BudgetKey, restoration: RestorationId) -> Result<bool, QuotaError>;
}
