use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use lemon_domain::{
    ports::{DeadLetter, DeadLetterChoice, QueueError, QueueKeeping, QueueStats},
    values::{AccountId, QueueName},
};

use crate::messages::account_of;

/// A dead letter as operators see it: without its text, which may carry credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownDeadLetter {
    /// The queue's own id of the message.
    pub message_id: String,
    /// The id that the message had before, which the log of its deliveries has; `None` if it did not change, or is not
    /// known.
    pub original_id: Option<String>,
    /// The account that the message is about, if it is a ready message or a job.
    pub account: Option<AccountId>,
    /// The reason; `None` if the queue gave the message up, after too many receives, and says nothing.
    pub reason: Option<String>,
    /// The number of receives, as far as it is known.
    pub attempts: Option<u32>,
    /// The size of the text, in bytes.
    pub bytes: usize,
    /// When it was sent to its queue, if that is known.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it was dead-lettered, if that is known.
    pub dead_lettered_at: Option<DateTime<Utc>>,
}

impl From<DeadLetter> for ShownDeadLetter {
    fn from(letter: DeadLetter) -> Self {
        Self {
            account: account_of(&letter.body),
            bytes: letter.body.len(),
            message_id: letter.message_id,
            original_id: letter.original_id,
            reason: letter.reason,
            attempts: letter.attempts,
            sent_at: letter.sent_at,
            dead_lettered_at: letter.dead_lettered_at,
        }
    }
}

/// The dead letters of a queue, or why they cannot be read.
#[derive(Debug)]
pub struct QueueDeadLetters {
    /// The name of the queue, not of its dead-letter queue.
    pub queue: QueueName,
    /// The letters.
    pub letters: Result<Vec<ShownDeadLetter>, QueueError>,
}

/// What operators do with queues and their dead letters.
pub struct QueueCare {
    /// The queues.
    pub queues: Arc<dyn QueueKeeping>,
}

impl QueueCare {
    /// Describes a queue; `None` if it does not exist.
    ///
    /// # Errors
    /// If the queue server fails.
    pub async fn stats(&self, queue: &QueueName) -> Result<Option<QueueStats>, QueueError> {
        match self.queues.stats(queue).await {
            Err(QueueError::NoSuchQueue(_)) => Ok(None),
            outcome => outcome.map(Some),
        }
    }

    /// At most `max` of a queue's dead letters.
    ///
    /// # Errors
    /// [`QueueError::NoSuchQueue`], or if the queue server fails.
    pub async fn dead_letters(
        &self,
        queue: &QueueName,
        max: usize,
    ) -> Result<Vec<ShownDeadLetter>, QueueError> {
        let letters = self.queues.dead_letters(queue, max).await?;
        Ok(letters.into_iter().map(ShownDeadLetter::from).collect())
    }

    /// At most `max` dead letters of each of these queues, which are asked at the same time. A queue that exists and has no
    /// dead-letter queue has none.
    pub async fn dead_letters_of_each(
        &self,
        queues: impl IntoIterator<Item = QueueName>,
        max: usize,
    ) -> Vec<QueueDeadLetters> {
        let read = |queue: QueueName| async move {
            let letters = match self.dead_letters(&queue, max).await {
                Err(QueueError::NoSuchQueue(name)) if name == queue.dead_letters() => {
                    Ok(Vec::new())
                }
                outcome => outcome,
            };
            QueueDeadLetters { queue, letters }
        };
        join_all(queues.into_iter().map(read)).await
    }

    /// Sends the chosen dead letters to their queue again; answers how many.
    ///
    /// # Errors
    /// [`QueueError::NoSuchQueue`], or if the queue server fails. A part may be done.
    pub async fn redrive(
        &self,
        queue: &QueueName,
        which: &DeadLetterChoice,
    ) -> Result<u64, QueueError> {
        self.queues.redrive(queue, which).await
    }

    /// Removes the chosen dead letters permanently; answers how many.
    ///
    /// # Errors
    /// [`QueueError::NoSuchQueue`], or if the queue server fails. A part may be done.
    pub async fn discard(
        &self,
        queue: &QueueName,
        which: &DeadLetterChoice,
    ) -> Result<u64, QueueError> {
        self.queues.discard(queue, which).await
    }
}
