use std::time::Duration;

use chrono::TimeDelta;

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

/// Compares a replica's clock with its store's, as [`clock_skew`] does.
///
/// # Errors
/// If they are further apart than [`MAX_SKEW`], or the store fails.
pub async fn check_clock(store: &dyn Housekeeping, clock: &dyn Clock) -> Result<(), ClockError> {
    let skew = clock_skew(store, clock).await?;
    let by = skew.abs().to_std().unwrap_or_default();
    if by > MAX_SKEW {
        let ahead = skew > TimeDelta::zero();
        return Err(ClockError::Skewed { by, ahead });
    }
    Ok(())
}

/// How far a replica's clock is ahead of its store's; below zero if it is behind.
///
/// A slow answer does not make either of them wrong: the store read its clock at some instant between question and
/// answer.
///
/// # Errors
/// If the store fails.
pub async fn clock_skew(
    store: &dyn Housekeeping,
    clock: &dyn Clock,
) -> Result<TimeDelta, StoreError> {
    let asked = clock.now();
    let theirs = store.time().await?;
    let answered = clock.now();
    Ok(if theirs < asked {
        asked - theirs
    } else if theirs > answered {
        answered - theirs
    } else {
        TimeDelta::zero()
    })
}
