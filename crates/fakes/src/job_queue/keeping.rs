use async_trait::async_trait;
use lemon_domain::{
    ports::{
        DeadLetter, DeadLetterChoice, MAX_RECEIVES, Outgoing, QueueError, QueueKeeping, QueueStats,
    },
    values::QueueName,
};
use uuid::Uuid;

use super::{MemoryJobQueue, Queue};

#[async_trait]
impl QueueKeeping for MemoryJobQueue {
    async fn stats(&self, queue: &QueueName) -> Result<QueueStats, QueueError> {
        let now = self.clock.now();
        let depth = self.with(queue, |queue| Ok(queue.depth(now)))?;
        Ok(QueueStats {
            waiting: Some(depth.waiting),
            in_flight: Some(depth.in_flight),
            dead: Some(depth.dead),
            visibility: Some(self.visibility),
            retention: None,
            max_receives: Some(MAX_RECEIVES),
            dead_letter_queue: Some(queue.dead_letters()),
        })
    }

    async fn dead_letters(
        &self,
        queue: &QueueName,
        max: usize,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        self.with(queue, |queue| {
            Ok(queue.dead.iter().take(max).cloned().collect())
        })
    }

    async fn redrive(
        &self,
        queue: &QueueName,
        which: &DeadLetterChoice,
    ) -> Result<u64, QueueError> {
        let now = self.clock.now();
        self.with(queue, |queue| {
            let taken = queue.take_dead(which);
            let count = taken.len() as u64;
            for letter in taken {
                let message = Outgoing {
                    id: Uuid::nil(),
                    body: letter.body,
                    trace: letter.trace,
                };
                queue.put(message, now)?;
            }
            Ok(count)
        })
    }

    async fn discard(
        &self,
        queue: &QueueName,
        which: &DeadLetterChoice,
    ) -> Result<u64, QueueError> {
        self.with(queue, |queue| Ok(queue.take_dead(which).len() as u64))
    }
}

impl Queue {
    /// Takes the chosen dead letters out.
    fn take_dead(&mut self, which: &DeadLetterChoice) -> Vec<DeadLetter> {
        let is_chosen = |letter: &mut DeadLetter| match which {
            DeadLetterChoice::All => true,
            DeadLetterChoice::One(id) => letter.message_id == *id,
        };
        self.dead.extract_if(.., is_chosen).collect()
    }
}
