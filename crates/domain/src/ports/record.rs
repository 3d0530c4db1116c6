use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::values::{BudgetKey, Place};

/// The record of places that were really taken: what a counter is restored from.
///
/// # Contract
/// 1. Every place of a stored request is there, until its window is over; a deletion takes none away.
/// 2. Places of other services, budgets and windows are not.
#[async_trait]
pub trait PlaceRecord: Send + Sync + 'static {
    /// The recorded places of a budget in its window, by seat.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn places(&self, key: &BudgetKey) -> Result<Vec<Place>, StoreError>;
}

/// What a purge removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purged {
    /// Sign-ins nobody came back for.
    pub pending_sign_ins: u64,
    /// Uses whose cooldown and windows are over.
    pub uses: u64,
    /// Places whose window and cooldown are over.
    pub places: u64,
    /// Attempts that need not be remembered any more.
    pub attempts: u64,
}

/// Removal of what nothing needs any more.
///
/// # Contract
/// 1. Expired pending sign-ins go.
/// 2. A use goes once its cooldown and all its windows are over, and its places with it; not before.
/// 3. An attempt goes when it need not be remembered any more; not before, whatever becomes of its use.
/// 4. Whatever still counts stays.
#[async_trait]
pub trait Housekeeping: Send + Sync + 'static {
    /// Removes it.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn purge(&self, now: DateTime<Utc>) -> Result<Purged, StoreError>;
}
