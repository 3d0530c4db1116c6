use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use lemon_domain::values::QueueName;

/// The file of the queues, and their configuration.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EmbeddedQueueConfig {
    /// The file; it is created if it does not exist, in an existing folder.
    pub path: PathBuf,
    /// How long a received message is hidden, at most 12 hours.
    pub visibility: Duration,
    /// Receives without an acknowledgement before a message is dead, at least one.
    pub max_receives: u32,
    /// The queues. Each has a dead-letter queue `<name>-dlq`, which can be received from like any other.
    pub queues: BTreeSet<QueueName>,
}

impl EmbeddedQueueConfig {
    /// These queues in that file, with the usual values of SQS queues: 30 s of visibility and five receives.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, queues: BTreeSet<QueueName>) -> Self {
        Self {
            path: path.into(),
            visibility: Duration::from_secs(30),
            max_receives: 5,
            queues,
        }
    }
    /// With received messages that are hidden this long.
    #[must_use]
    pub const fn with_visibility(mut self, visibility: Duration) -> Self {
        self.visibility = visibility;
        self
    }

    /// With this number of receives before a message is dead.
    #[must_use]
    pub const fn with_max_receives(mut self, max_receives: u32) -> Self {
        self.max_receives = max_receives;
        self
    }
}
