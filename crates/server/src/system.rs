//! The real clock and the real randomness: the only place that reads them while the program runs.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use lemon_domain::ports::{Clock, IdSource};
use uuid::{Builder, Uuid};

/// The machine's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> DateTime<Utc> {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since_epoch.as_micros())
            .ok()
            .and_then(DateTime::from_timestamp_micros)
            .unwrap_or_default()
    }
}

/// The operating system's randomness.
pub(crate) struct SystemIds;

impl SystemIds {
    #[expect(clippy::disallowed_methods, reason = "this is the id source")]
    fn random<const N: usize>() -> [u8; N] {
        let mut bytes = [0; N];
        if getrandom::fill(&mut bytes).is_err() {
            // No randomness, no safe id and no safe seal: better no program.
            std::process::abort();
        }
        bytes
    }
}

impl IdSource for SystemIds {
    fn uuid(&self) -> Uuid {
        Builder::from_random_bytes(Self::random()).into_uuid()
    }

    fn nonce(&self) -> [u8; 24] {
        Self::random()
    }
}
