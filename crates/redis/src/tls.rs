use std::sync::Arc;

use fred::types::config::{TlsConfig, TlsConnector};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

/// TLS that trusts the system's root certificates, or the reason why that is not possible.
///
/// Not the driver's own: that panics if a program has several cryptography providers and has chosen none, and fails on
/// a single unreadable certificate of the system.
pub(crate) fn trusting_the_system() -> Result<TlsConfig, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err("this system has no trusted root certificates".to_owned());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(config).into())
}
