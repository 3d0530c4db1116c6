use std::time::Duration;

/// How a queue is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqsQueueSettings {
    /// How long a received message is hidden: whole seconds up to 12 h.
    pub visibility: Duration,
    /// How often a message is received before it goes to the dead-letter queue, 1 to 1000.
    pub max_receives: u32,
    /// How long a message is kept, in the queue and in its dead-letter queue: 1 minute to 14 days. SQS counts it from
    /// the first sending, in both.
    pub retention: Duration,
}

impl SqsQueueSettings {
    /// The usual visibility timeout, which is SQS' own.
    pub const DEFAULT_VISIBILITY: Duration = Duration::from_secs(30);
    /// The usual number of receives.
    pub const DEFAULT_MAX_RECEIVES: u32 = 5;
    /// The usual retention, which is the longest there is.
    pub const DEFAULT_RETENTION: Duration = Duration::from_hours(14 * 24);

    /// With received messages that are hidden for so long.
    #[must_use]
    pub const fn with_visibility(mut self, visibility: Duration) -> Self {
        self.visibility = visibility;
        self
    }

    /// With so many receives before a message goes to the dead-letter queue.
    #[must_use]
    pub const fn with_max_receives(mut self, max_receives: u32) -> Self {
        self.max_receives = max_receives;
        self
    }

    /// With messages that are kept for so long.
    #[must_use]
    pub const fn with_retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }
}

impl Default for SqsQueueSettings {
    fn default() -> Self {
        Self {
            visibility: Self::DEFAULT_VISIBILITY,
            max_receives: Self::DEFAULT_MAX_RECEIVES,
            retention: Self::DEFAULT_RETENTION,
        }
    }
}
