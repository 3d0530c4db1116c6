use std::net::SocketAddr;

use secrecy::SecretString;
use serde::Deserialize;

use super::{list::List, loopback::loopback};

/// What workers call.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WorkersSettings {
    pub(crate) listen: SocketAddr,
    /// With which workers call. Without one, nothing listens.
    pub(crate) keys: List<SecretString>,
}

impl Default for WorkersSettings {
    fn default() -> Self {
        Self {
            listen: loopback(8083),
            keys: List::default(),
        }
    }
}
