use secrecy::ExposeSecret;
use url::Url;

use crate::config::{ConfigError, TracesSettings};

/// The path of traces at a collector: <https://opentelemetry.io/docs/specs/otlp/#otlphttp-request>.
const PATH: [&str; 2] = ["v1", "traces"];

/// Where traces go.
#[derive(Clone)]
pub(crate) struct TracesPlan {
    /// May contain a password.
    pub(super) url: Url,
    pub(super) sample_ratio: f64,
    pub(super) service_name: String,
}

impl TracesPlan {
    /// The plan, or `None` if there are to be no traces.
    pub(crate) fn new(settings: &TracesSettings) -> Result<Option<Self>, ConfigError> {
        let Some(endpoint) = &settings.endpoint else {
            return Ok(None);
        };
        let wrong = |fault| ConfigError::wrong("traces.endpoint", fault);
        // The parser's errors do not repeat the text.
        let mut url = Url::parse(endpoint.expose_secret())
            .map_err(|_| wrong("it is not a URL such as http://collector.example:4318"))?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(wrong("its scheme must be http or https"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it must end with its path"));
        }
        match url.path_segments_mut() {
            Ok(mut path) => {
                path.pop_if_empty().extend(PATH);
            }
            Err(()) => return Err(wrong("it has no host")),
        }
        Ok(Some(Self {
            url,
            sample_ratio: settings.sample_ratio,
            service_name: settings.service_name.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(endpoint: &str) -> Result<String, String> {
        let settings = TracesSettings {
            endpoint: Some(endpoint.into()),
            ..TracesSettings::default()
        };
        match TracesPlan::new(&settings) {
            Ok(plan) => Ok(plan.unwrap().url.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn traces_have_their_path_below_the_endpoint() {
        for (endpoint, expected) in [
            ("http://collector:4318", "http://collector:4318/v1/traces"),
            ("http://[::1]:4318/", "http://[::1]:4318/v1/traces"),
            ("https://a.example/otlp", "https://a.example/otlp/v1/traces"),
            (
                "https://a.example/otlp/",
                "https://a.example/otlp/v1/traces",
            ),
        ] {
            assert_eq!(url(endpoint).unwrap(), expected);
        }
    }

    #[test]
    fn a_wrong_endpoint_is_named_and_not_repeated() {
        for endpoint in [
            "",
            "hush:4318",
            "//hush",
            "hush",
            "grpc://hush:4317",
            "http://hush?a=b",
            "http://hush#a",
            "mailto:hush",
        ] {
            let fault = url(endpoint).unwrap_err();
            assert!(fault.contains("traces.endpoint"), "{fault}");
            assert!(!fault.contains("hush"), "{fault}");
        }
    }

    #[test]
    fn without_an_endpoint_there_are_no_traces() {
        assert!(
            TracesPlan::new(&TracesSettings::default())
                .unwrap()
                .is_none()
        );
    }
}
