use std::{num::NonZeroUsize, time::Duration};

use lemon_domain::{ports::MAX_DELAY, values};

/// How to use SQS. Where it is and who asks come from the AWS SDK's own variables and files.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SqsConfig {
    /// The longest that a call to SQS takes, however many messages it is about, its repetitions and the look-up of its
    /// queue included; a `receive` has its wait on top. An attempt is given up after half of it, connecting after two
    /// fifths, so that there is time for another.
    pub deadline: Duration,
    /// How many batches of ten one `send` or `ack` has under way at a time.
    pub concurrency: NonZeroUsize,
    /// How long a received message is hidden, up to 12 h; `None` leaves it to the queue's own `VisibilityTimeout`.
    pub visibility: Option<Duration>,
}

impl SqsConfig {
    /// The usual deadline: two attempts of 2.5 seconds, 2 of them for connecting.
    pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);
    /// The usual number of batches at a time.
    pub const DEFAULT_CONCURRENCY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(7);

    /// With a deadline for each call.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// With so many batches at a time.
    #[must_use]
    pub const fn with_concurrency(mut self, concurrency: NonZeroUsize) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// With received messages that are hidden for so long, whatever the queue's own `VisibilityTimeout` is.
    #[must_use]
    pub const fn with_visibility(mut self, visibility: Duration) -> Self {
        self.visibility = Some(visibility);
        self
    }

    /// The longest that connecting takes.
    pub(crate) fn connect_limit(&self) -> Duration {
        self.deadline * 2 / 5
    }

    /// The longest that one attempt of a call takes, but for a poll's wait. Connecting ends before, so that what did not
    /// connect is told apart.
    pub(crate) fn attempt_limit(&self) -> Duration {
        self.deadline / 2
    }

    /// The visibility timeout in whole seconds, at least one of them.
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

/// SQS counts in whole seconds, up to [`MAX_DELAY`]: not a moment less than asked for.
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
