use std::time::Duration;

/// The settings of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqsQueueSettings {
    /// How long a received message is hidden: whole seconds up to 12 h.
    pub visibility: Duration,
    /// How often a message is received before it goes to the dead-letter queue, 1 to 1000.
    pub max_receives: u32,
    /// The retention of a message, in the queue and in its dead-letter queue: 1 minute to 14 days. In both, SQS counts
    /// from the time when the message was first sent.
    pub retention: Duration,
}

impl SqsQueueSettings {
    /// The default visibility timeout, the same as SQS' own.
    pub const DEFAULT_VISIBILITY: Duration = Duration::from_secs(30);
    /// The default number of receives.
    pub const DEFAULT_MAX_RECEIVES: u32 = 5;
    /// The default retention, the longest that SQS allows.
    pub const DEFAULT_RETENTION: Duration = Duration::from_hours(14 * 24);

    /// Sets how long received messages are hidden.
    #[must_use]
    pub const fn with_visibility(mut self, visibility: Duration) -> Self {
        self.visibility = visibility;
        self
    }

    /// Sets the number of receives before a message goes to the dead-letter queue.
    #[must_use]
    pub const fn with_max_receives(mut self, max_receives: u32) -> Self {
        self.max_receives = max_receives;
        self
    }

    /// Sets the retention of messages.
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
