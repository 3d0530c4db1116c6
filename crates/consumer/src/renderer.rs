use std::fmt;

use async_trait::async_trait;
use lemon_domain::{
    ports::{OutboxEntry, StoreError},
    values::QueueName,
};

/// Turns the rows of an outbox into messages, whatever they say.
#[async_trait]
pub trait Renderer<T>: Send + Sync + 'static {
    /// Renders rows: one answer for each, in order. A row that cannot be rendered does not affect the others.
    ///
    /// # Errors
    /// If nothing can be rendered now. The rows are claimed again after their lease.
    async fn render(&self, entries: &[OutboxEntry<T>]) -> Result<Vec<Rendered>, StoreError>;
}

/// The result for a row.
#[derive(Clone, PartialEq, Eq)]
pub enum Rendered {
    /// A message.
    Send {
        /// The destination.
        queue: QueueName,
        /// The body. It may carry credentials, so `Debug` leaves it out.
        body: String,
    },
    /// Nothing can ever be sent: the row is removed.
    Drop {
        /// The reason.
        reason: String,
    },
    /// Nothing can be sent until somebody repairs it: the row is set aside, and the log tells the operator.
    SetAside {
        /// The reason.
        reason: String,
    },
    /// Nothing can be sent now: the row is postponed.
    Postpone {
        /// The reason.
        reason: String,
    },
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send { queue, body } => f
                .debug_struct("Send")
                .field("queue", queue)
                .field("bytes", &body.len())
                .finish(),
            Self::Drop { reason } => f.debug_struct("Drop").field("reason", reason).finish(),
            Self::SetAside { reason } => {
                f.debug_struct("SetAside").field("reason", reason).finish()
            }
            Self::Postpone { reason } => {
                f.debug_struct("Postpone").field("reason", reason).finish()
            }
        }
    }
}
