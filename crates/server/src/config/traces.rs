use secrecy::SecretString;
use serde::Deserialize;

use super::error::ConfigError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TracesSettings {
    /// Where an OTLP collector takes traces by HTTP, without `/v1/traces`; may contain a password. Without it there are
    /// no traces.
    pub(crate) endpoint: Option<SecretString>,
    /// The share of the traces begun here that is recorded.
    pub(crate) sample_ratio: f64,
    /// The name of this program in traces.
    pub(crate) service_name: String,
}

impl TracesSettings {
    /// Checks what is independent of the endpoint.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if !(0.0..=1.0).contains(&self.sample_ratio) {
            let fault = "it must be a number from 0 to 1";
            return Err(ConfigError::wrong("traces.sample_ratio", fault));
        }
        if self.service_name.is_empty() {
            let fault = "it must not be empty";
            return Err(ConfigError::wrong("traces.service_name", fault));
        }
        Ok(())
    }
}

impl Default for TracesSettings {
    fn default() -> Self {
        Self {
            endpoint: None,
            sample_ratio: 1.0,
            service_name: "lemon-toolbox".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_from_0_to_1() {
        let checked = |sample_ratio| {
            let settings = TracesSettings {
                sample_ratio,
                ..TracesSettings::default()
            };
            settings.check().map_err(|error| error.to_string())
        };
        for fits in [0.0, 0.25, 1.0] {
            assert_eq!(checked(fits), Ok(()));
        }
        for wrong in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            let fault = checked(wrong).unwrap_err();
            assert!(fault.contains("traces.sample_ratio"), "{fault}");
        }
    }
}
