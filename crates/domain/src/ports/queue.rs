use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::QueueError;
use crate::values::{QueueName, TraceContext};

/// Messages in a batch, for sending, receiving and acknowledging: SQS' limit,
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>.
pub const MAX_BATCH: usize = 10;

/// Bytes in a body: SQS' limit of 1 MiB (same page).
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The longest delay of a message: SQS' limit on a visibility timeout, 12 hours (same page).
pub const MAX_DELAY: Duration = Duration::from_secs(12 * 60 * 60);

/// Receives without an `ack`, after which a consumed queue dead-letters a message.
pub const MAX_RECEIVES: u32 = 5;

/// Why a text cannot be the body of a message. It names the character, never the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum InvalidBody {
    #[error("no queue accepts an empty body")]
    Empty,
    #[error("no queue accepts a body with the character U+{0:04X}")]
    Character(u32),
}

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Names the entry in the outcome.
    pub id: Uuid,
    /// The text, valid for [`Outgoing::check`].
    pub body: String,
    /// The trace context that caused it, if there is one. It goes beside the body.
    pub trace: Option<TraceContext>,
}

impl Outgoing {
    /// Fails unless every queue takes the body: 1 byte to [`MAX_BODY_BYTES`] of the characters that SQS allows,
    /// `#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF`
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>).
    ///
    /// # Errors
    /// [`QueueError::TooLarge`], or [`QueueError::Rejected`].
    pub fn check(&self) -> Result<(), QueueError> {
        let (bytes, max) = (self.body.len(), MAX_BODY_BYTES);
        if bytes > max {
            return Err(QueueError::TooLarge { bytes, max });
        }
        let refused = |why: InvalidBody| Err(QueueError::Rejected(why.into()));
        if self.body.is_empty() {
            return refused(InvalidBody::Empty);
        }
        match self
            .body
            .chars()
            .find(|character| !is_body_character(*character))
        {
            Some(character) => refused(InvalidBody::Character(character.into())),
            None => Ok(()),
        }
    }
}

/// Whether a queue takes the character. The gap between U+D7FF and U+E000 holds no Rust characters, either.
#[must_use]
pub const fn is_body_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

/// Proof of one receive of one message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Receipt(pub String);

/// A message that was received. It is hidden from other consumers until its visibility timeout passes.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The queue's own id of the message.
    pub message_id: String,
    /// Proof of this receive.
    pub receipt: Receipt,
    /// The text. It may carry credentials, so `Debug` leaves it out.
    pub body: String,
    /// How often it was received, this time included.
    pub attempt: u32,
    /// The trace context that its sender gave, if it gave one that can be read.
    pub trace: Option<TraceContext>,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("message_id", &self.message_id)
            .field("attempt", &self.attempt)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// How full a queue is. A distributed queue's numbers are approximate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Messages that can be received.
    pub waiting: u64,
    /// Messages received and not yet acknowledged, or delayed.
    pub in_flight: u64,
    /// Messages in its dead-letter queue.
    pub dead: u64,
}

/// Standard queues with at-least-once delivery, each with a dead-letter queue `<name>-dlq`.
///
/// # Contract
/// 1. `send` answers an outcome for each message, in the order given; any number may be sent at a time. `Ok` means that
///    the message will be received at least once, whatever crashes. An error that [is certain](QueueError::is_certain)
///    means that the message was not taken. After any other error it may have been taken, once: `send` retries
///    automatically only if the message was certainly not taken.
/// 2. The failure of one entry does not fail another entry.
/// 3. `receive` answers at most `max` messages (1 to [`MAX_BATCH`]) and waits up to `wait` for the first. It returns
///    early when one comes.
/// 4. A received message is hidden from others until its visibility timeout passes; then it is received again, and its
///    `attempt` is one higher.
/// 5. `ack` removes messages permanently, and answers an outcome for each receipt. A receipt of an earlier receive is
///    [`QueueError::StaleReceipt`], or has no effect on the holder of a later receive until that receive ends.
/// 6. `retry_after` makes a message receivable again after the delay (zero: at once), at most [`MAX_DELAY`].
/// 7. `extend` hides the message for that long from now, and for at most [`MAX_DELAY`] in total since its receive. A
///    longer time may be [`QueueError::Rejected`], and then changes nothing. The receipt of an earlier receive is
///    [`QueueError::StaleReceipt`] or is accepted, but never invalidates the later receive's receipt.
/// 8. `dead_letter` moves the message to the dead-letter queue with the reason; it is not received again.
/// 9. After [`MAX_RECEIVES`] receives without an `ack`, a message moves to the dead-letter queue automatically, if the
///    queue is a consumed one.
/// 10. A body is received exactly as it was sent: any text that passes [`Outgoing::check`]. Other texts are refused
///     with its error.
/// 11. A queue that does not exist is [`QueueError::NoSuchQueue`].
/// 12. Messages come in no order. A sender that needs an order sends the second message after the first was handled.
/// 13. Each call ends within the adapter's deadline, a `receive` within its wait and the deadline, however its server
///     behaves. All calls except `send` and `dead_letter` may be repeated without harm; these two may make a duplicate.
/// 14. A future may be dropped. Messages that a dropped `receive` had received are hidden for a visibility timeout and
///     then received again; messages that a dropped `send` had sent may have been taken.
/// 15. Each receive of a message has the trace context that it was sent with. Where a body leaves no room for it in
///     a message of a server, the message is sent without it.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait JobQueue: Send + Sync + 'static {
    /// Sends messages.
    ///
    /// # Errors
    /// One for each message that was not taken.
    async fn send(&self, queue: &QueueName, messages: Vec<Outgoing>)
    -> Vec<Result<(), QueueError>>;

    /// Receives up to `max` messages.
    ///
    /// # Errors
    /// [`QueueError::NoSuchQueue`], or infrastructure.
    async fn receive(
        &self,
        queue: &QueueName,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError>;

    /// Acknowledges deliveries.
    ///
    /// # Errors
    /// One for each receipt that was not taken.
    async fn ack(&self, queue: &QueueName, receipts: &[Receipt]) -> Vec<Result<(), QueueError>>;

    /// Gives a delivery back, to be received again after the delay.
    ///
    /// # Errors
    /// [`QueueError::StaleReceipt`], or infrastructure.
    async fn retry_after(
        &self,
        queue: &QueueName,
        receipt: &Receipt,
        delay: Duration,
    ) -> Result<(), QueueError>;

    /// Extends the visibility timeout of a delivery, from now.
    ///
    /// # Errors
    /// [`QueueError::StaleReceipt`], [`QueueError::Rejected`] beyond [`MAX_DELAY`] since the receive, or infrastructure.
    async fn extend(
        &self,
        queue: &QueueName,
        receipt: &Receipt,
        visibility: Duration,
    ) -> Result<(), QueueError>;

    /// Moves a delivery to the dead-letter queue.
    ///
    /// # Errors
    /// [`QueueError::StaleReceipt`], or infrastructure.
    async fn dead_letter(
        &self,
        queue: &QueueName,
        delivery: &Delivery,
        reason: &str,
    ) -> Result<(), QueueError>;

    /// How full the queue is.
    ///
    /// # Errors
    /// [`QueueError::NoSuchQueue`], or infrastructure.
    async fn depth(&self, queue: &QueueName) -> Result<Depth, QueueError>;
}
