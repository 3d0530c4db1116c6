use std::{fmt::Display, ops::RangeInclusive};

use super::error::ConfigError;

/// Ten years: every date that is computed with it can be represented.
pub(super) const LONGEST_SECONDS: u64 = 10 * 365 * 24 * 60 * 60;

/// Checks that a number is within harmless bounds.
pub(super) fn bounded<T: PartialOrd + Display>(
    key: &str,
    value: &T,
    of: &str,
    bounds: &RangeInclusive<T>,
) -> Result<(), ConfigError> {
    if bounds.contains(value) {
        return Ok(());
    }
    let (least, most) = (bounds.start(), bounds.end());
    let fault = format!("it must be a number of {of} from {least} to {most}");
    Err(ConfigError::wrong(key, fault))
}
