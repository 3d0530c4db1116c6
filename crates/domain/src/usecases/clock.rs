use std::time::Duration;

use crate::ports::{Clock, Housekeeping, MAX_SKEW, StoreError};

/// Why a replica's clock cannot be relied on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClockError {
    /// It is further from the store's than is survived.
    #[error(
        "this machine's clock is {} s {} the store's clock, and at most {} s are safe: synchronize it",
        by.as_secs_f64(),
        if *ahead { "ahead of" } else { "behind" },
        MAX_SKEW.as_secs()
    )]
    Skewed {
        /// How far.
        by: Duration,
        /// In which direction.
        ahead: bool,
    },
    /// The store's clock cannot be read.
    #[error("the store's clock cannot be read")]
    Store(#[from] StoreError),
}

/// Compares a replica's clock with its store's.
///
/// An answer that takes long makes neither of them wrong: the store read its clock at some instant between question and
/// answer.
///
/// # Errors
/// If they are further apart than [`MAX_SKEW`], or the store fails.
pub async fn check_clock(store: &dyn Housekeeping, clock: &dyn Clock) -> Result<(), ClockError> {
    let asked = clock.now();
    let theirs = store.time().await?;
    let answered = clock.now();
    let (difference, ahead) = if theirs < asked {
        (asked - theirs, true)
    } else {
        (theirs - answered, false)
    };
    // Below zero where the store's time is within the question and its answer.
    let by = difference.to_std().unwrap_or_default();
    if by > MAX_SKEW {
        return Err(ClockError::Skewed { by, ahead });
    }
    Ok(())
}
