mod keeping;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Clock, DeadLetter, Delivery, Depth, JobQueue, MAX_BATCH, MAX_DELAY, MAX_RECEIVES, Outgoing,
        QueueError, Receipt,
    },
    values::{QueueName, TraceContext},
};
use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

/// How often a waiting receive checks again.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A dead-lettered message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadMessage {
    /// Its text.
    pub body: String,
    /// The reason.
    pub reason: String,
}

#[derive(Debug, Clone)]
struct QueuedMessage {
    number: u64,
    body: String,
    trace: Option<TraceContext>,
    sent_at: DateTime<Utc>,
    visible_at: DateTime<Utc>,
    received_at: DateTime<Utc>,
    receives: u32,
}

#[derive(Debug, Default)]
struct Queue {
    messages: Vec<QueuedMessage>,
    dead: Vec<DeadLetter>,
    sent: u64,
}

/// Queues in memory, each with a dead-letter queue. The clock decides what is visible.
pub struct MemoryJobQueue {
    queues: Mutex<BTreeMap<QueueName, Queue>>,
    clock: Arc<dyn Clock>,
    visibility: Duration,
}

impl MemoryJobQueue {
    /// These queues, empty, with a visibility timeout of 30 s.
    pub fn new(clock: Arc<dyn Clock>, queues: impl IntoIterator<Item = QueueName>) -> Self {
        let queues = queues.into_iter().map(|name| (name, Queue::default()));
        Self {
            queues: Mutex::new(queues.collect()),
            clock,
            visibility: Duration::from_secs(30),
        }
    }

    /// The bodies of all messages that are neither acknowledged nor dead, in the order in which they were sent.
    ///
    /// # Panics
    /// If there is no such queue.
    #[must_use]
    pub fn bodies(&self, queue: &QueueName) -> Vec<String> {
        let queues = self.queues();
        let messages = &queues.get(queue).expect("a queue").messages;
        messages.iter().map(|m| m.body.clone()).collect()
    }

    /// How many messages were sent to the queue so far.
    ///
    /// # Panics
    /// If there is no such queue.
    #[must_use]
    pub fn sent(&self, queue: &QueueName) -> u64 {
        self.queues().get(queue).expect("a queue").sent
    }

    /// The dead letters, in the order in which they were dead-lettered.
    ///
    /// # Panics
    /// If there is no such queue.
    #[must_use]
    pub fn dead_messages(&self, queue: &QueueName) -> Vec<DeadMessage> {
        let queues = self.queues();
        let dead = &queues.get(queue).expect("a queue").dead;
        let dead = dead.iter().map(|letter| DeadMessage {
            body: letter.body.clone(),
            reason: letter.reason.clone().unwrap_or_default(),
        });
        dead.collect()
    }

    fn queues(&self) -> MutexGuard<'_, BTreeMap<QueueName, Queue>> {
        self.queues.lock()
    }

    fn with<T>(
        &self,
        name: &QueueName,
        work: impl FnOnce(&mut Queue) -> Result<T, QueueError>,
    ) -> Result<T, QueueError> {
        self.queues()
            .get_mut(name)
            .ok_or_else(|| QueueError::NoSuchQueue(name.to_string()))
            .and_then(work)
    }
}

impl Queue {
    fn put(&mut self, message: Outgoing, now: DateTime<Utc>) -> Result<(), QueueError> {
        message.check()?;
        self.sent += 1;
        self.messages.push(QueuedMessage {
            number: self.sent,
            body: message.body,
            trace: message.trace,
            sent_at: now,
            visible_at: now,
            received_at: now,
            receives: 0,
        });
        Ok(())
    }

    /// Dead-letters the messages that were received too often.
    fn dead_letter_exhausted(&mut self, now: DateTime<Utc>) {
        let exhausted = |m: &mut QueuedMessage| m.visible_at <= now && m.receives >= MAX_RECEIVES;
        let dead = self.messages.extract_if(.., exhausted);
        let reason = format!("received {MAX_RECEIVES} times without an acknowledgement");
        self.dead
            .extend(dead.map(|message| message.dead_letter(&reason, now)));
    }

    fn take(&mut self, max: usize, now: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Delivery> {
        self.dead_letter_exhausted(now);
        let visible = self.messages.iter_mut().filter(|m| m.visible_at <= now);
        let taken = visible.take(max.min(MAX_BATCH)).map(|message| {
            message.visible_at = until;
            message.received_at = now;
            message.receives += 1;
            Delivery {
                message_id: message.number.to_string(),
                receipt: receipt(message),
                body: message.body.clone(),
                attempt: message.receives,
                trace: message.trace.clone(),
            }
        });
        taken.collect()
    }

    fn held(&self, proof: &Receipt) -> Result<usize, QueueError> {
        let position = self.messages.iter().position(|m| receipt(m) == *proof);
        position.ok_or(QueueError::StaleReceipt)
    }

    fn hide(&mut self, proof: &Receipt, until: DateTime<Utc>) -> Result<(), QueueError> {
        let index = self.held(proof)?;
        self.messages[index].visible_at = until;
        Ok(())
    }

    /// Like SQS, which hides a message for at most 12 hours in total since its receive.
    fn extend(&mut self, proof: &Receipt, until: DateTime<Utc>) -> Result<(), QueueError> {
        let index = self.held(proof)?;
        if until > self.messages[index].received_at + MAX_DELAY {
            return Err(QueueError::Rejected("beyond 12 hours".into()));
        }
        self.messages[index].visible_at = until;
        Ok(())
    }

    fn depth(&mut self, now: DateTime<Utc>) -> Depth {
        self.dead_letter_exhausted(now);
        let waiting = self.messages.iter().filter(|m| m.visible_at <= now).count();
        Depth {
            waiting: waiting as u64,
            in_flight: (self.messages.len() - waiting) as u64,
            dead: self.dead.len() as u64,
        }
    }
}

impl QueuedMessage {
    fn dead_letter(self, reason: &str, now: DateTime<Utc>) -> DeadLetter {
        DeadLetter {
            message_id: self.number.to_string(),
            original_id: None,
            reason: Some(reason.to_owned()),
            attempts: Some(self.receives),
            sent_at: Some(self.sent_at),
            dead_lettered_at: Some(now),
            trace: self.trace,
            body: self.body,
        }
    }
}

fn receipt(message: &QueuedMessage) -> Receipt {
    Receipt(format!("{}-{}", message.number, message.receives))
}

#[async_trait]
impl JobQueue for MemoryJobQueue {
    async fn send(
        &self,
        queue: &QueueName,
        messages: Vec<Outgoing>,
    ) -> Vec<Result<(), QueueError>> {
        let now = self.clock.now();
        let put = |message: Outgoing| self.with(queue, |queue| queue.put(message, now));
        messages.into_iter().map(put).collect()
    }

    async fn receive(
        &self,
        queue: &QueueName,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        let deadline = Instant::now() + wait;
        loop {
            let now = self.clock.now();
            let until = now + self.visibility;
            let deliveries = self.with(queue, |queue| Ok(queue.take(max, now, until)))?;
            if !deliveries.is_empty() || Instant::now() >= deadline {
                return Ok(deliveries);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn ack(&self, queue: &QueueName, receipts: &[Receipt]) -> Vec<Result<(), QueueError>> {
        let ack = |receipt| {
            self.with(queue, |queue| {
                let index = queue.held(receipt)?;
                queue.messages.remove(index);
                Ok(())
            })
        };
        receipts.iter().map(ack).collect()
    }

    async fn retry_after(
        &self,
        queue: &QueueName,
        receipt: &Receipt,
        delay: Duration,
    ) -> Result<(), QueueError> {
        let until = self.clock.now() + delay.min(MAX_DELAY);
        self.with(queue, |queue| queue.hide(receipt, until))
    }

    async fn extend(
        &self,
        queue: &QueueName,
        receipt: &Receipt,
        visibility: Duration,
    ) -> Result<(), QueueError> {
        let until = self.clock.now() + visibility;
        self.with(queue, |queue| queue.extend(receipt, until))
    }

    async fn dead_letter(
        &self,
        queue: &QueueName,
        delivery: &Delivery,
        reason: &str,
    ) -> Result<(), QueueError> {
        let now = self.clock.now();
        self.with(queue, |queue| {
            let index = queue.held(&delivery.receipt)?;
            let message = queue.messages.remove(index);
            queue.dead.push(message.dead_letter(reason, now));
            Ok(())
        })
    }

    async fn depth(&self, queue: &QueueName) -> Result<Depth, QueueError> {
        let now = self.clock.now();
        self.with(queue, |queue| Ok(queue.depth(now)))
    }
}
