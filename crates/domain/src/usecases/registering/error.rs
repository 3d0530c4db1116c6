use chrono::{DateTime, Utc};

use crate::{
    ports::StoreError,
    usecases::{QuotasError, permit::Abandoned},
    values::BudgetState,
};

/// Why a request was not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The person's cooldown is running.
    #[error("the cooldown runs until {until}")]
    CooldownActive {
        /// The end of the cooldown.
        until: DateTime<Utc>,
    },
    /// A budget has too few units left.
    #[error("the {} quota is exhausted", .0.key.budget)]
    QuotaExhausted(
        /// The budget, as the counter counted it when it refused; its window says until when.
        BudgetState,
    ),
    /// An operator has paused the service.
    #[error("the service is paused")]
    Paused,
    /// The person is not in the store, or the account is not theirs.
    #[error("no such person")]
    UnknownPerson,
    /// The request was overtaken too often.
    #[error("other requests changed the quota or the store at each attempt")]
    Contended,
    /// The caller abandoned the request before it was stored. Nothing is stored, and nothing will be.
    #[error("the request was abandoned before it was stored")]
    Abandoned,
    /// The quota is not known.
    #[error("the state of the quota is not known")]
    Quota(#[from] QuotasError),
    /// The store failed.
    #[error("the registration could not be stored")]
    Store(#[source] StoreError),
}

impl From<StoreError> for RegisterError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::UnknownPerson => Self::UnknownPerson,
            other => Self::Store(other),
        }
    }
}

impl From<Abandoned> for RegisterError {
    fn from(Abandoned: Abandoned) -> Self {
        Self::Abandoned
    }
}
