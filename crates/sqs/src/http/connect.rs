use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::time::timeout;
use tower_service::Service;

use lemon_domain::BoxError;

use crate::error::SqsError;

/// A silent connection is probed after this time, then each second, and is closed after three failed probes: a long
/// poll on a dead connection ends within ten seconds.
const KEEPALIVE: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);
const KEEPALIVE_RETRIES: u32 = 3;
/// The same limit for sent data that is not acknowledged: <https://man7.org/linux/man-pages/man7/tcp.7.html>.
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(8);

/// Connects over TCP or TLS, within a limit.
pub(super) type Connector = Within<HttpsConnector<HttpConnector>>;

/// Makes such a connector.
pub(super) fn connector(limit: Duration) -> Result<Connector, SqsError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEPALIVE));
    tcp.set_keepalive_interval(Some(KEEPALIVE_INTERVAL));
    tcp.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
    #[cfg(target_os = "linux")]
    tcp.set_tcp_user_timeout(Some(USER_TIMEOUT));
    let inner = HttpsConnectorBuilder::new()
        .with_tls_config(tls()?)
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    Ok(Within { inner, limit })
}

fn tls() -> Result<ClientConfig, SqsError> {
    let mut roots = RootCertStore::empty();
    // A machine without root certificates may still use an endpoint without TLS.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| SqsError::Tls(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Limits all steps of connecting, including DNS and the TLS handshake.
#[derive(Debug, Clone)]
pub(super) struct Within<C> {
    inner: C,
    limit: Duration,
}

impl<C> Service<Uri> for Within<C>
where
    C: Service<Uri, Error = BoxError>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = timeout(self.limit, self.inner.call(uri));
        Box::pin(async move { connecting.await? })
    }
}
