use std::net::SocketAddr;

use serde::Deserialize;

use super::{bounded::bounded, error::ConfigError, loopback::loopback};

/// The longest training of a stand-in: as long as any training may take.
const LONGEST_TRAINING_SECONDS: u64 = 30 * 24 * 60 * 60;

/// The stand-ins for the outside.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SandboxSettings {
    pub(crate) listen: SocketAddr,
    /// Run the stand-in workers, too.
    pub(crate) workers: bool,
    pub(crate) training_seconds: u64,
    /// Where the stand-in workers redeem tickets; by default at `workers.listen`.
    pub(crate) credentials_url: Option<url::Url>,
    /// Listen beyond loopback, although anybody can sign in as anybody there.
    pub(crate) anybody_may_sign_in_as_anybody: bool,
}

impl SandboxSettings {
    /// Checks the number.
    pub(super) fn check_numbers(&self) -> Result<(), ConfigError> {
        let bounds = 0..=LONGEST_TRAINING_SECONDS;
        let training = &self.training_seconds;
        bounded("sandbox.training_seconds", training, "seconds", &bounds)
    }
}

impl Default for SandboxSettings {
    fn default() -> Self {
        Self {
            listen: loopback(8081),
            workers: true,
            training_seconds: 5,
            credentials_url: None,
            anybody_may_sign_in_as_anybody: false,
        }
    }
}
