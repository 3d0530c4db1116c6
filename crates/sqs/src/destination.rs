use std::sync::{Arc, OnceLock};

use aws_sdk_sqs::{
    Client,
    config::{
        ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextRef,
    },
    error::BoxError,
};

/// The server that calls go to, for error messages about the configuration. It is read from the first call, because the
/// endpoint may come from a variable, a profile, the region or the caller's client.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    region: Option<String>,
    seen: Arc<OnceLock<String>>,
}

impl Destination {
    /// The client with an interceptor that notes the server.
    pub(crate) fn watch(client: &Client) -> (Client, Self) {
        let destination = Self {
            region: client.config().region().map(ToString::to_string),
            seen: Arc::default(),
        };
        let config = client.config().to_builder();
        let config = config.interceptor(destination.clone()).build();
        (Client::from_conf(config), destination)
    }

    pub(crate) fn has_region(&self) -> bool {
        self.region.is_some()
    }

    /// Scheme, host and port; before the first call, the region.
    pub(crate) fn server(&self) -> String {
        let region = || match &self.region {
            Some(region) => format!("region {region}"),
            None => "no region".to_owned(),
        };
        self.seen.get().cloned().unwrap_or_else(region)
    }
}

impl Intercept for Destination {
    fn name(&self) -> &'static str {
        "Destination"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _runtime_components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.seen.get_or_init(|| origin(context.request().uri()));
        Ok(())
    }
}

/// Scheme, host and port of an address, without a user and password.
fn origin(uri: &str) -> String {
    let (scheme, rest) = uri.split_once("://").unwrap_or(("", uri));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_no_password_and_no_path() {
        for (uri, expected) in [
            (
                "https://sqs.eu-west-1.amazonaws.com/",
                "https://sqs.eu-west-1.amazonaws.com",
            ),
            (
                "http://me:hush@127.0.0.1:4566/000/a?b@c",
                "http://127.0.0.1:4566",
            ),
        ] {
            assert_eq!(origin(uri), expected);
        }
    }
}
