//! What a program refuses if it is built without the feature `traces`.

use crate::config::{ConfigError, TracesSettings};

/// Refuses a collector: its operator expects traces.
pub(super) fn check(settings: &TracesSettings) -> Result<(), ConfigError> {
    if settings.endpoint.is_none() {
        return Ok(());
    }
    let fault = "this program was built without traces, so leave it out";
    Err(ConfigError::wrong("traces.endpoint", fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_refused_and_no_collector_is_not() {
        assert!(check(&TracesSettings::default()).is_ok());
        let settings = TracesSettings {
            endpoint: Some("http://hush:4318".into()),
            ..TracesSettings::default()
        };
        let fault = check(&settings).unwrap_err().to_string();
        assert!(fault.contains("traces.endpoint") && !fault.contains("hush"));
    }
}
