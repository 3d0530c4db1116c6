use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use lemon_domain::ports::MAX_RECEIVES;

/// How long a receive that is under way at the stop may take to bring messages. A long poll would take too long.
pub(crate) const LAST_RECEIVE: Duration = Duration::from_secs(1);

/// How a queue is consumed; the defaults suit production.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConsumerConfig {
    /// Receive calls at a time.
    pub pollers: usize,
    /// Deliveries in flight at a time.
    pub concurrency: usize,
    /// The queue's visibility timeout. A delivery in flight has a heartbeat at half of it.
    pub visibility: Duration,
    /// How long a receive waits for a message: 20 s is the maximum in SQS.
    pub wait: Duration,
    /// The wait after the first failed receive of a message, and the longest wait. Each wait is four times as long as
    /// the one before, plus jitter, up to twice.
    pub backoff: (Duration, Duration),
    /// The queue's `maxReceiveCount`: a failure at the last receive dead-letters the message with its reason.
    pub max_receives: u32,
    /// The longest time that a delivery is held: locks, failovers and restarts should be over by then. For at most so
    /// long, deliveries that fail for faults of their own can take the room of others.
    pub hold: Duration,
    /// How long a delivery that is in flight at the stop may still be handled before it is given back.
    pub grace: Duration,
    /// How long a drain may take in total. Deliveries that are left then come again after their visibility timeout.
    pub drain: Duration,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        Self {
            pollers: 2,
            concurrency: 64,
            visibility: Duration::from_secs(30),
            wait: Duration::from_secs(20),
            backoff: (Duration::from_secs(60), Duration::from_secs(60 * 60)),
            max_receives: MAX_RECEIVES,
            hold: Duration::from_secs(3 * 60),
            grace: Duration::from_secs(6),
            drain: Duration::from_secs(20),
        }
    }
}

impl ConsumerConfig {
    /// With this number of receive calls at a time.
    #[must_use]
    pub const fn with_pollers(mut self, pollers: usize) -> Self {
        self.pollers = pollers;
        self
    }

    /// With this number of deliveries in flight at a time.
    #[must_use]
    pub const fn with_concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// With this visibility timeout.
    #[must_use]
    pub const fn with_visibility(mut self, visibility: Duration) -> Self {
        self.visibility = visibility;
        self
    }

    /// With receives that wait this long.
    #[must_use]
    pub const fn with_wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// With these first and longest waits between the receives of a message that fails.
    #[must_use]
    pub const fn with_backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.backoff = (first, longest);
        self
    }

    /// With this number of receives until a message is dead-lettered.
    #[must_use]
    pub const fn with_max_receives(mut self, max_receives: u32) -> Self {
        self.max_receives = max_receives;
        self
    }

    /// With deliveries that are held at most this long.
    #[must_use]
    pub const fn with_hold(mut self, hold: Duration) -> Self {
        self.hold = hold;
        self
    }

    /// With this grace period for deliveries in flight at the stop.
    #[must_use]
    pub const fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// With drains that take at most this long.
    #[must_use]
    pub const fn with_drain(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// How long a drain takes at a queue whose calls end within `deadline`: the receive that is under way, its
    /// messages, the copies of those that are given back, an acknowledgement. Nothing is left if that is within
    /// `drain`.
    #[must_use]
    pub fn longest_drain(&self, deadline: Duration) -> Duration {
        LAST_RECEIVE + self.grace + deadline + crate::acks::LINGER + deadline
    }

    /// The wait after a failed receive, counted from 1.
    pub(crate) fn backoff_after(&self, attempt: u32) -> Duration {
        let (first, longest) = self.backoff;
        ExponentialBuilder::new()
            .with_factor(4.0)
            .with_min_delay(first)
            .with_max_delay(longest)
            .without_max_times()
            .with_jitter()
            .build()
            .take(usize::try_from(attempt.clamp(1, 32)).unwrap_or(1))
            .last()
            .unwrap_or(first)
    }
}

/// How an outbox is relayed; the defaults suit production.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RelayConfig {
    /// Rows claimed at a time.
    pub batch: u32,
    /// How long a claim lasts. A send of a batch may begin only in its first half. The second half is longer than twice
    /// the clock skew plus a send, so that no other replica considers the lease over too early.
    pub lease: Duration,
    /// How long to wait for a signal before a claim without one: nothing signals that a postponed row or a lost lease
    /// is due.
    pub poll: Duration,
    /// The first and the longest wait after a failure that certainly sent nothing.
    pub backoff: (Duration, Duration),
    /// The first wait after a failure that may have sent the message: each further attempt may make a duplicate.
    pub uncertain: Duration,
    /// How long a batch that is under way at the stop may take; rows that are left come again after their lease.
    pub drain: Duration,
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            batch: 100,
            lease: Duration::from_secs(60),
            poll: Duration::from_secs(1),
            backoff: (Duration::from_millis(200), Duration::from_secs(5 * 60)),
            uncertain: Duration::from_secs(10),
            drain: Duration::from_secs(15),
        }
    }
}

impl RelayConfig {
    /// With this number of rows at a time.
    #[must_use]
    pub const fn with_batch(mut self, batch: u32) -> Self {
        self.batch = batch;
        self
    }

    /// With claims that last this long.
    #[must_use]
    pub const fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// With a claim after this time, signal or not.
    #[must_use]
    pub const fn with_poll(mut self, poll: Duration) -> Self {
        self.poll = poll;
        self
    }

    /// The wait after a failed attempt, counted from 1: `first`, and twice as long after each further one.
    pub(crate) fn backoff_after(&self, first: Duration, attempt: u32) -> Duration {
        let attempts = usize::try_from(attempt.clamp(1, 32)).unwrap_or(1);
        self.waits(first)
            .build()
            .take(attempts)
            .last()
            .unwrap_or(first)
    }

    pub(crate) const fn waits(&self, first: Duration) -> ExponentialBuilder {
        ExponentialBuilder::new()
            .with_min_delay(first)
            .with_max_delay(self.backoff.1)
            .without_max_times()
    }
}
