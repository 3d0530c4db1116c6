use std::{fmt, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::QueueError;
use crate::values::{QueueName, TraceContext};

/// A dead-lettered message.
#[derive(Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The queue's own id of the message; it may change when a program dead-letters the message.
    pub message_id: String,
    /// The id that the message had before, which the log of its deliveries has; `None` if it did not change, or is not
    /// known.
    pub original_id: Option<String>,
    /// The reason, if a program gave the message up; `None` if the queue did, after too many receives, and says nothing.
    pub reason: Option<String>,
    /// The number of receives before it was given up, as far as it is known. A queue that shows a message by receiving
    /// it may count that as well.
    pub attempts: Option<u32>,
    /// When it was sent to its queue, if that is known.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it was dead-lettered, if that is known.
    pub dead_lettered_at: Option<DateTime<Utc>>,
    /// The trace context that it was sent with, if that is known.
    pub trace: Option<TraceContext>,
    /// The text. It may carry credentials, so `Debug` leaves it out, and nobody must show it.
    pub body: String,
}

impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("message_id", &self.message_id)
            .field("original_id", &self.original_id)
            .field("reason", &self.reason)
            .field("attempts", &self.attempts)
            .field("sent_at", &self.sent_at)
            .field("dead_lettered_at", &self.dead_lettered_at)
            .field("trace", &self.trace)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Which of a queue's dead letters an operator means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadLetterChoice {
    /// Each that there is when the call begins.
    All,
    /// The one with this [`message_id`](DeadLetter::message_id).
    One(String),
}

/// A queue as its server describes it. What a server leaves out is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueStats {
    /// Messages that can be received.
    pub waiting: Option<u64>,
    /// Messages received and not yet acknowledged, or delayed.
    pub in_flight: Option<u64>,
    /// Messages in its dead-letter queue; `None` also if there is no dead-letter queue.
    pub dead: Option<u64>,
    /// How long a received message is hidden.
    pub visibility: Option<Duration>,
    /// The retention of a message; `None` also if it is kept for ever.
    pub retention: Option<Duration>,
    /// The number of receives after which the queue dead-letters a message; `None` also if it never does.
    pub max_receives: Option<u32>,
    /// The name of the dead-letter queue.
    pub dead_letter_queue: Option<String>,
}

/// Queues and their dead letters, for operators. A queue is named by its own name, not by that of its dead-letter queue.
///
/// # Contract
/// 1. `dead_letters` answers at most `max` of a queue's dead letters, each once, with its reason and its exact text, and
///    changes none: afterwards each can be received, redriven or discarded at once.
/// 2. `redrive` sends the chosen dead letters to their queue again, where each is received as a new message with the
///    same text and the same trace context, and answers how many. One of them may be in both queues after a failure;
///    none is lost.
/// 3. `discard` removes the chosen dead letters permanently, and answers how many.
/// 4. A choice of one leaves all others. If no dead letter has that id, the answer is 0 and nothing is changed. A
///    distributed queue may also answer 0 if there are so many dead letters that it did not find the one, or while
///    somebody else has received it.
/// 5. `stats` describes the queue at this moment; a distributed queue's numbers are approximate.
/// 6. A queue that does not exist is [`QueueError::NoSuchQueue`].
#[async_trait]
pub trait QueueKeeping: Send + Sync + 'static {
    /// Describes a queue.
    ///
    /// # Errors
    /// [`QueueError::NoSuchQueue`], or infrastructure.
    async fn stats(&self, queue: &QueueName) -> Result<QueueStats, QueueError>;

    /// Shows dead letters.
    ///
    /// # Errors
    /// [`QueueError::NoSuchQueue`], or infrastructure.
    async fn dead_letters(
        &self,
        queue: &QueueName,
        max: usize,
    ) -> Result<Vec<DeadLetter>, QueueError>;

    /// Sends dead letters again.
    ///
    /// # Errors
    /// [`QueueError::NoSuchQueue`], or infrastructure. A part may be done.
    async fn redrive(&self, queue: &QueueName, which: &DeadLetterChoice)
    -> Result<u64, QueueError>;

    /// Removes dead letters.
    ///
    /// # Errors
    /// [`QueueError::NoSuchQueue`], or infrastructure. A part may be done.
    async fn discard(&self, queue: &QueueName, which: &DeadLetterChoice)
    -> Result<u64, QueueError>;
}
