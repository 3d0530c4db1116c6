use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};

/// How long an accepted call says of the next ones that the application is known to Twitter, in seconds.
const SHOWS_FOR: i64 = 60;

/// When Twitter accepted a call of the application last: then its key, its secret and the clock were right.
#[derive(Debug)]
pub(crate) struct AcceptedCalls(AtomicI64);

impl Default for AcceptedCalls {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl AcceptedCalls {
    /// Notes that a call was accepted.
    pub(crate) fn note(&self, now: DateTime<Utc>) {
        self.0.fetch_max(now.timestamp(), Ordering::Relaxed);
    }

    /// Whether a call was accepted within the last minute.
    pub(crate) fn was_lately(&self, now: DateTime<Utc>) -> bool {
        let since = now
            .timestamp()
            .saturating_sub(self.0.load(Ordering::Relaxed));
        (0..SHOWS_FOR).contains(&since)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_call_shows_something_for_a_minute() {
        let (calls, now) = (AcceptedCalls::default(), DateTime::UNIX_EPOCH);
        assert!(!calls.was_lately(now));
        calls.note(now);
        assert!(calls.was_lately(now + TimeDelta::seconds(59)));
        assert!(!calls.was_lately(now + TimeDelta::seconds(60)));
        // A clock that was set back.
        assert!(!calls.was_lately(now - TimeDelta::seconds(1)));
    }
}
