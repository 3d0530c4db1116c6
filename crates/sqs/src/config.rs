use std::{num::NonZeroUsize, time::Duration};

use lemon_domain::{ports::MAX_DELAY, values};

/// How to use SQS. The address and the credentials come from the AWS SDK's own variables and files.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SqsConfig {
    /// The longest time of a call to SQS for any number of messages, including retries and the look-up of the queue;
    /// for a `receive`, its wait is added. An attempt is given up after half of it, and connecting after two fifths, so
    /// that there is time for another attempt.
    pub deadline: Duration,
    /// How many batches of ten are in flight at a time in one `send` or `ack`.
    pub concurrency: NonZeroUsize,
    /// How long a received message is hidden, up to 12 h; `None` leaves it to the queue's own `VisibilityTimeout`.
    pub visibility: Option<Duration>,
}

impl SqsConfig {
    /// The default deadline: two attempts of 2.5 seconds each, with up to 2 seconds for connecting.
    pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);
    /// The default number of batches at a time.
    pub const DEFAULT_CONCURRENCY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(7);

    /// Sets the deadline of each call.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets the number of batches at a time.
    #[must_use]
    pub const fn with_concurrency(mut self, concurrency: NonZeroUsize) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// Sets how long received messages are hidden, regardless of the queue's own `VisibilityTimeout`.
    #[must_use]
    pub const fn with_visibility(mut self, visibility: Duration) -> Self {
        self.visibility = Some(visibility);
        self
    }

    /// The longest time for connecting.
    pub(crate) fn connect_limit(&self) -> Duration {
        self.deadline * 2 / 5
    }

    /// The longest time of one attempt, without a poll's wait. Connecting times out earlier, so that a call that was
    /// certainly not sent is recognized.
    pub(crate) fn attempt_limit(&self) -> Duration {
        self.deadline / 2
    }

    /// The visibility timeout in whole seconds, at least one.
    pub(crate) fn visibility_seconds(&self) -> Option<i32> {
        self.visibility
            .map(|visibility| whole_seconds(visibility).max(1))
    }
}

impl Default for SqsConfig {
    fn default() -> Self {
        Self {
            deadline: Self::DEFAULT_DEADLINE,
            concurrency: Self::DEFAULT_CONCURRENCY,
            visibility: None,
        }
    }
}

/// Whole seconds for SQS, up to [`MAX_DELAY`], rounded up.
pub(crate) fn whole_seconds(time: Duration) -> i32 {
    let seconds = values::whole_seconds(time.min(MAX_DELAY));
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up_and_end_at_twelve_hours() {
        let cases = [
            (Duration::ZERO, 0),
            (Duration::from_millis(1), 1),
            (Duration::from_secs(30), 30),
            (Duration::from_millis(30_001), 31),
            (MAX_DELAY, 43_200),
            (Duration::MAX, 43_200),
        ];
        for (time, seconds) in cases {
            assert_eq!(whole_seconds(time), seconds);
        }
    }
}
