use std::time::Duration;

use crate::ports::{Clock, Housekeeping, MAX_SKEW, StoreError};

/// Why a replica's clock cannot be relied on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClockError {
    /// It is further from the store's clock than is safe.
    #[error(
        "this machine's clock is {} s {} the store's clock, and at most {} s are safe: synchronize it",
        by.as_secs_f64(),
        if *ahead { "ahead of" } else { "behind" },
        MAX_SKEW.as_secs()
    )]
    Skewed {
        /// The difference.
        by: Duration,
        /// Whether this machine's clock is ahead.
        ahead: bool,
    },
    /// The store's clock cannot be read.
    #[error("the store's clock cannot be read")]
    Store(#[from] StoreError),
}

/// Compares a replica's clock with its store's.
///
/// A slow answer does not make either of them wrong: the store read its clock at some instant between question and
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
    // Below zero if the store's time is between the question and its answer.
    let by = difference.to_std().unwrap_or_default();
    if by > MAX_SKEW {
        return Err(ClockError::Skewed { by, ahead });
    }
    Ok(())
}
