use std::{ops::RangeInclusive, time::Duration};

use super::{
    bounded::{LONGEST_SECONDS, bounded},
    error::ConfigError,
    settings::{QueueSettings, SQS, Settings},
};

/// The longest deadline of the store and of the counter. A registration that has reserved a place is stored or given up
/// within the deadline of its call plus the time for storing. That sum must fit into a stop, and must be much shorter
/// than the grace of its reservation.
pub(crate) const LONGEST_DEADLINE: Duration = Duration::from_secs(5);

/// The longest deadline of a call to SQS: several consecutive calls must fit into a stop.
pub(crate) const LONGEST_QUEUE_DEADLINE: Duration = Duration::from_secs(6);

/// The longest deadline of a call to Twitter: the API's own deadline for calls that ask Twitter.
const LONGEST_TWITTER_DEADLINE: Duration = Duration::from_secs(10);

/// How long a received message may be hidden: long enough to be extended while it is handled, and no longer than [SQS
/// allows](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html).
const VISIBILITY_SECONDS: RangeInclusive<u64> = 2..=12 * 60 * 60;

/// How long a ticket can be redeemed: no longer than a queue keeps the job that carries it.
const TICKET_SECONDS: RangeInclusive<u64> = 60..=14 * 24 * 60 * 60;

/// An answer about usage that is older looks wrong to a person who reloads the page.
const LONGEST_AGE_MS: u64 = 1_000;

/// Longer waits hide a fault.
const LONGEST_WAIT: u64 = 60 * 60;

/// More connections would overload the server.
const MOST_POOLED: usize = 1_000;

/// More than any machine can serve.
const MOST_CONNECTIONS: usize = 1_000_000;

impl Settings {
    /// Checks the numbers that are independent of others. Those of a service are checked with the service.
    ///
    /// # Errors
    /// If one of them could do harm; the error names the allowed range.
    pub(crate) fn check_numbers(&self) -> Result<(), ConfigError> {
        let deadline = |key, value: u64, longest: Duration| {
            let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
            bounded(key, &value, "milliseconds", &(1..=longest))
        };
        let seconds = |key, value: u64, bounds| bounded(key, &value, "seconds", &bounds);
        let connections =
            |key, value: usize, most| bounded(key, &value, "connections", &(1..=most));
        if let Some(most) = self.http.max_connections {
            connections("http.max_connections", most, MOST_CONNECTIONS)?;
        }
        let wait = self.start.wait_seconds;
        seconds("start.wait_seconds", wait, 0..=LONGEST_WAIT)?;
        let http = &self.http;
        seconds(
            "http.keep_alive_seconds",
            http.keep_alive_seconds,
            1..=LONGEST_WAIT,
        )?;
        seconds("http.drain_seconds", http.drain_seconds, 0..=LONGEST_WAIT)?;
        seconds(
            "http.profile_cache_seconds",
            http.profile_cache_seconds,
            0..=LONGEST_WAIT,
        )?;
        if let Some(most) = http.max_connections_per_address {
            let bounds = 0..=MOST_CONNECTIONS;
            bounded(
                "http.max_connections_per_address",
                &most,
                "connections",
                &bounds,
            )?;
        }
        self.limits.check_numbers()?;
        let store = &self.store;
        let pooled = usize::try_from(store.max_connections).unwrap_or(usize::MAX);
        connections("store.max_connections", pooled, MOST_POOLED)?;
        deadline("store.deadline_ms", store.deadline_ms, LONGEST_DEADLINE)?;
        let quota = &self.quota;
        connections("quota.pool_size", quota.pool_size, MOST_POOLED)?;
        deadline("quota.deadline_ms", quota.deadline_ms, LONGEST_DEADLINE)?;
        let (age, ages) = (quota.max_age_ms, 0..=LONGEST_AGE_MS);
        bounded("quota.max_age_ms", &age, "milliseconds", &ages)?;
        let hidden = self.queue.visibility_seconds;
        seconds("queue.visibility_seconds", hidden, VISIBILITY_SECONDS)?;
        let queue = self.queue.deadline_ms;
        deadline("queue.deadline_ms", queue, LONGEST_QUEUE_DEADLINE)?;
        self.queue.check_heartbeat()?;
        let ticket = self.queue.ticket_seconds;
        seconds("queue.ticket_seconds", ticket, TICKET_SECONDS)?;
        let twitter = self.twitter.deadline_ms;
        deadline("twitter.deadline_ms", twitter, LONGEST_TWITTER_DEADLINE)?;
        #[cfg(feature = "sandbox")]
        self.sandbox.check_numbers()?;
        self.sign_in.check_numbers()?;
        self.traces.check()?;
        let lifetime = self.jwt.lifetime_seconds;
        seconds("jwt.lifetime_seconds", lifetime, 1..=LONGEST_SECONDS)
    }
}

impl QueueSettings {
    /// Checks that one slow call does not lose a lease: the heartbeat is sent at half of the visibility timeout.
    fn check_heartbeat(&self) -> Result<(), ConfigError> {
        let deadline = Duration::from_millis(self.deadline_ms);
        if self.url() != SQS || self.visibility() >= 2 * deadline {
            return Ok(());
        }
        let fault = "with SQS it must be at least twice queue.deadline_ms: a heartbeat is sent after half of it, and may take as long as the deadline";
        Err(ConfigError::wrong("queue.visibility_seconds", fault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EMBEDDED;

    fn queue(url: &str, visibility_seconds: u64, deadline_ms: u64) -> Result<(), String> {
        let settings = Settings {
            queue: QueueSettings {
                url: Some(url.to_owned()),
                visibility_seconds,
                deadline_ms,
                ..QueueSettings::default()
            },
            ..Settings::default()
        };
        settings.check_numbers().map_err(|error| error.to_string())
    }

    #[test]
    fn a_visibility_timeout_on_sqs_outlasts_a_slow_heartbeat() {
        for (visibility, deadline) in [(9, 5_000), (2, 1_001), (11, 6_000)] {
            let fault = queue(SQS, visibility, deadline).unwrap_err();
            let keys = ["queue.visibility_seconds", "queue.deadline_ms"];
            assert!(keys.iter().all(|key| fault.contains(key)), "{fault}");
            assert_eq!(queue(EMBEDDED, visibility, deadline), Ok(()));
        }
        for (visibility, deadline) in [(10, 5_000), (2, 1_000), (12, 6_000), (30, 5_000)] {
            assert_eq!(queue(SQS, visibility, deadline), Ok(()));
        }
    }
}
