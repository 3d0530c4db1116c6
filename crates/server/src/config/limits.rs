use std::num::NonZeroU32;

use lemon_http::Rate;
use serde::Deserialize;

use super::{bounded::bounded, error::ConfigError};

/// More than any machine answers.
const MOST_CALLS: u32 = 1_000_000;

/// How many calls a minute are accepted from one caller, where a call costs something. 0 is any number.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_field_names, reason = "keys name their unit")]
pub(crate) struct LimitsSettings {
    /// From an address; if none is given, 60 from an address of the internet, and any number from others.
    pub(crate) request_tokens_per_minute: Option<u32>,
    /// As above.
    pub(crate) sign_ins_per_minute: Option<u32>,
    /// Of a person, at Twitter.
    pub(crate) profile_reads_per_minute: u32,
}

impl LimitsSettings {
    /// What is accepted from an address unless the configuration says otherwise: one a second, which no household makes.
    const DEFAULT_RATE: NonZeroU32 = NonZeroU32::MIN.saturating_add(59);

    pub(crate) fn request_tokens(&self) -> Rate {
        rate(self.request_tokens_per_minute)
    }

    pub(crate) fn sign_ins(&self) -> Rate {
        rate(self.sign_ins_per_minute)
    }

    pub(crate) const fn profile_reads(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.profile_reads_per_minute)
    }

    /// Checks the numbers.
    pub(super) fn check_numbers(&self) -> Result<(), ConfigError> {
        for (key, calls) in [
            (
                "limits.request_tokens_per_minute",
                self.request_tokens_per_minute,
            ),
            ("limits.sign_ins_per_minute", self.sign_ins_per_minute),
            (
                "limits.profile_reads_per_minute",
                Some(self.profile_reads_per_minute),
            ),
        ] {
            if let Some(calls) = calls {
                bounded(key, &calls, "calls", &(0..=MOST_CALLS))?;
            }
        }
        Ok(())
    }
}

fn rate(calls: Option<u32>) -> Rate {
    match calls {
        None => Rate::OfStrangers(LimitsSettings::DEFAULT_RATE),
        Some(calls) => NonZeroU32::new(calls).map_or(Rate::Unlimited, Rate::OfAll),
    }
}

impl Default for LimitsSettings {
    fn default() -> Self {
        Self {
            request_tokens_per_minute: None,
            sign_ins_per_minute: None,
            // A web app that reads twice for a page and repeats each failure three times makes eight.
            profile_reads_per_minute: 30,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_spares_private_networks_and_a_number_is_for_everybody() {
        let sixty = NonZeroU32::new(60).unwrap();
        assert_eq!(rate(None), Rate::OfStrangers(sixty));
        assert_eq!(rate(Some(60)), Rate::OfAll(sixty));
        assert_eq!(rate(Some(0)), Rate::Unlimited);
        let none = LimitsSettings {
            profile_reads_per_minute: 0,
            ..LimitsSettings::default()
        };
        assert_eq!(none.profile_reads(), None);
    }

    #[test]
    fn numbers_out_of_bounds_are_named() {
        let many = LimitsSettings {
            sign_ins_per_minute: Some(MOST_CALLS + 1),
            ..LimitsSettings::default()
        };
        let fault = many.check_numbers().unwrap_err().to_string();
        assert!(
            fault.contains("limits.sign_ins_per_minute")
                && fault.contains("calls from 0 to 1000000"),
            "{fault}"
        );
        assert!(LimitsSettings::default().check_numbers().is_ok());
    }
}
