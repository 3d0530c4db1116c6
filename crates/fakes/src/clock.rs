use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use chrono::{DateTime, Utc};
use lemon_domain::ports::{Clock, IdSource};
use parking_lot::Mutex;
use uuid::Uuid;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct FakeClock(Mutex<DateTime<Utc>>);

impl FakeClock {
    /// A clock that shows an RFC 3339 time.
    #[must_use]
    pub fn at(time: &str) -> Self {
        Self(Mutex::new(time.parse().expect("an RFC 3339 time")))
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        *self.0.lock() += by;
    }

    /// Sets it.
    pub fn set(&self, time: DateTime<Utc>) {
        *self.0.lock() = time;
    }
}

impl Default for FakeClock {
    /// Noon of a Monday in Seoul.
    fn default() -> Self {
        Self::at("2026-11-23T03:00:00Z")
    }
}

impl Clock for FakeClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock()
    }
}

/// Ids that count up.
#[derive(Debug, Default)]
pub struct SequentialIds(AtomicU64);

impl SequentialIds {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl IdSource for SequentialIds {
    fn uuid(&self) -> Uuid {
        Uuid::from_u128(self.next().into())
    }

    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
        for (byte, of_the_number) in bytes.iter_mut().zip(self.next().to_be_bytes()) {
            *byte = of_the_number;
        }
    }
}
