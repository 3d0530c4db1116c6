use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use lemon_domain::values::QueueName;

/// Where the queues are, and how they behave.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EmbeddedQueueConfig {
    /// The file; it is made if there is none, in a folder that exists.
    pub path: PathBuf,
    /// How long a received message is hidden, at most 12 hours.
    pub visibility: Duration,
    /// Receives without an acknowledgement before a message is dead, at least one.
    pub max_receives: u32,
    /// The queues there are. Each has a dead-letter queue `<name>-dlq`, that can be received from like any other.
    pub queues: BTreeSet<QueueName>,
}

impl EmbeddedQueueConfig {
    /// These queues in that file, with what SQS queues usually have: 30 s of visibility and five receives.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, queues: BTreeSet<QueueName>) -> Self {
        Self {
            path: path.into(),
            visibility: Duration::from_secs(30),
            max_receives: 5,
            queues,
        }
    }
    /// With received messages that are hidden for so long.
    #[must_use]
    pub const fn with_visibility(mut self, visibility: Duration) -> Self {
        self.visibility = visibility;
        self
    }

    /// With so many receives before a message is dead.
    #[must_use]
    pub const fn with_max_receives(mut self, max_receives: u32) -> Self {
        self.max_receives = max_receives;
        self
    }
}
