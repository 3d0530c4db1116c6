use std::fmt;

use async_trait::async_trait;
use lemon_domain::{
    ports::{OutboxEntry, StoreError},
    values::QueueName,
};

/// Makes messages of the rows of an outbox, whatever they say.
#[async_trait]
pub trait Renderer<T>: Send + Sync + 'static {
    /// Renders rows: an answer for each, in order. What one row lacks costs the others nothing.
    ///
    /// # Errors
    /// If nothing can be rendered now. The rows are claimed again after their lease.
    async fn render(&self, entries: &[OutboxEntry<T>]) -> Result<Vec<Rendered>, StoreError>;
}

/// What a row has become.
#[derive(Clone, PartialEq, Eq)]
pub enum Rendered {
    /// A message.
    Send {
        /// Where it goes.
        queue: QueueName,
        /// What it says. It may carry credentials, so `Debug` leaves it out.
        body: String,
    },
    /// Nothing, for ever: the row is removed.
    Drop {
        /// Why.
        reason: String,
    },
    /// Nothing, until somebody mends it: the row is set aside, and the operator is told.
    SetAside {
        /// Why.
        reason: String,
    },
    /// Nothing, for now: the row is postponed.
    Postpone {
        /// Why.
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
