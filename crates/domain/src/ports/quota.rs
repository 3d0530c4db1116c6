use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::QuotaError;
use crate::values::{Budget, BudgetKey, Holder, Place};

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
    /// In which budget and window.
    pub key: BudgetKey,
    /// Which, from 1: the lowest that was free.
    pub seat: u32,
    /// How many units it takes.
    pub units: u32,
    /// How many units of the budget are taken now, this place included.
    pub used: u32,
}

/// What became of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReserveOutcome {
    /// A place in each budget, in the order asked.
    Reserved(Vec<Taken>),
    /// This budget has too little left. Nothing was taken from any.
    Exhausted(BudgetKey),
    /// The counter knows nothing of this budget's window. Nothing was taken from any; restore it first.
    Unknown(BudgetKey),
}

/// Counts what is taken from budgets.
///
/// # Contract
/// 1. Of any number of concurrent reservations, those are admitted that fit the limit: never a unit more.
/// 2. All of the budgets or none: what exhausts one takes nothing from the others.
/// 3. A holder who asks again gets the place they have, budget by budget, and nothing is counted twice, even when the
///    budget is exhausted.
/// 4. No two holders have the same seat of a budget; a seat is the lowest free one from 1, so with
///    one unit a use it is at most the limit.
/// 5. A released place can be taken again; a release of what is not held changes nothing.
/// 6. A window that was never restored, or was forgotten, is `Unknown` for `reserve` and `None` for `usage`; it admits nobody.
/// 7. `restore` makes the record true: each recorded place is held with its seat and units. Of the others, those
///    reserved (or asked for again) at or after `as_of` stay, unless the record has their seat or holder; older ones go.
/// 8. Windows, services and budgets do not touch one another.
/// 9. A limit that was lowered below what is taken admits nobody and takes nothing away.
/// 10. A counter forgets a window only after its end.
#[async_trait]
pub trait QuotaCounter: Send + Sync + 'static {
    /// Reserves a place in each budget, or in none.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn reserve(&self, reservation: &Reservation) -> Result<ReserveOutcome, QuotaError>;

    /// Gives the holder's places back.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn release(&self, holder: Holder, keys: &[BudgetKey]) -> Result<(), QuotaError>;

    /// Units taken of each budget, in the order asked; `None` where the window is unknown.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn usage(&self, keys: &[BudgetKey]) -> Result<Vec<Option<u32>>, QuotaError>;

    /// Sets a budget's window right from the record.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn restore(
        &self,
        key: &BudgetKey,
        record: &[Place],
        as_of: DateTime<Utc>,
    ) -> Result<(), QuotaError>;
}
