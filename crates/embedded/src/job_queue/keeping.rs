use std::sync::Arc;

use async_trait::async_trait;
use lemon_domain::{
    ports::{DeadLetter, DeadLetterChoice, JobQueue, QueueError, QueueKeeping, QueueStats},
    values::QueueName,
};

use super::{EmbeddedJobQueue, rows};

#[async_trait]
impl QueueKeeping for EmbeddedJobQueue {
    async fn stats(&self, queue: &QueueName) -> Result<QueueStats, QueueError> {
        let line = self.line(queue)?;
        let depth = self.depth(queue).await?;
        let dead = line.dead_letters.as_ref();
        Ok(QueueStats {
            waiting: Some(depth.waiting),
            in_flight: Some(depth.in_flight),
            dead: dead.map(|_| depth.dead),
            visibility: Some(self.visibility),
            retention: None,
            max_receives: dead.map(|dead| dead.after),
            dead_letter_queue: dead.map(|dead| dead.queue.clone()),
        })
    }

    /// The oldest first.
    async fn dead_letters(
        &self,
        queue: &QueueName,
        max: usize,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        let line = self.line(queue)?;
        let read = self.writer.submit(move |connection| {
            rows::dead_letters(connection, line.dead_letter_queue(), max)
        });
        Ok(self.bodies.open_all(read.committed().await?)?)
    }

    async fn redrive(
        &self,
        queue: &QueueName,
        which: &DeadLetterChoice,
    ) -> Result<u64, QueueError> {
        let (line, which) = (self.line(queue)?, which.clone());
        let (ids, now) = (Arc::clone(&self.ids), self.clock.now());
        let to = Arc::clone(&line);
        let sent = self
            .writer
            .submit(move |connection| rows::redrive(connection, &to, &which, &*ids, now));
        let sent = sent.committed().await?;
        line.changed.notify_waiters();
        Ok(sent)
    }

    async fn discard(
        &self,
        queue: &QueueName,
        which: &DeadLetterChoice,
    ) -> Result<u64, QueueError> {
        let (line, which) = (self.line(queue)?, which.clone());
        let discarded = self
            .writer
            .submit(move |connection| rows::discard(connection, &line, &which));
        Ok(discarded.committed().await?)
    }
}
