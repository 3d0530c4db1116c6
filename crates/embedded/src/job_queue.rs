mod keeping;
mod line;
mod receipt;
mod rows;
mod sealed_bodies;

use std::{collections::BTreeMap, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Clock, Delivery, Depth, IdSource, JobQueue, MAX_BATCH, MAX_DELAY, Outgoing, QueueError,
        Receipt,
    },
    sealing::SealingKeys,
    values::QueueName,
};
use tokio::{
    sync::futures::Notified,
    time::{Instant, sleep, sleep_until},
};

use self::{
    line::{QueueState, lines},
    receipt::Handle,
    rows::{MessageRow, ReceivedMessages},
    sealed_bodies::SealedBodies,
};
use crate::{
    config::EmbeddedQueueConfig,
    error::{EmbeddedError, EmbeddedFault},
    writer::Writer,
};

/// How often a waiting receive checks the clock, which may be set, for a message that is hidden until a known time.
const LOOK_AT_CLOCK: Duration = Duration::from_millis(50);

/// Why an extension is refused.
const TOO_LONG: &str = "a message is hidden for at most 12 hours since its receive";

/// Standard queues in a SQLite file, each with its dead-letter queue `<name>-dlq`.
///
/// Messages that were taken, receives and acknowledgements survive a power failure. Bodies are sealed: neither the file nor
/// its log has their text, before or after an acknowledgement.
///
/// A receipt is valid until the message is received again, even after its visibility timeout. As with SQS, an extension
/// beyond 12 hours since the receive is refused. A `receive` that is dropped may have received messages; they come again
/// after their visibility timeout. A call ends when the disk has answered.
pub struct EmbeddedJobQueue {
    lines: BTreeMap<String, Arc<QueueState>>,
    visibility: Duration,
    writer: Writer,
    bodies: SealedBodies,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

impl EmbeddedJobQueue {
    /// Opens the file, for this process alone; creates it if it does not exist. The first of the keys seals what is sent,
    /// and from now on everything that is in the file; the others are needed once, if they sealed it before.
    ///
    /// # Errors
    /// As [`EmbeddedError`] says.
    pub fn open(
        config: &EmbeddedQueueConfig,
        keys: Arc<SealingKeys>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Result<Self, EmbeddedError> {
        let bodies = SealedBodies {
            keys,
            ids: Arc::clone(&ids),
        };
        let path = &config.path;
        let (connection, ()) = rows::FORMAT.open(path, |file, found| {
            bodies.bring_up_to_date(file, found, path)
        })?;
        // The log may have former bodies, which the file has overwritten: also those of a process that was killed here.
        connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(|error| EmbeddedError::of(path, error))?;
        Ok(Self {
            bodies,
            lines: lines(&config.queues, config.max_receives),
            visibility: config.visibility.min(MAX_DELAY),
            writer: Writer::start("job-queue", connection)
                .map_err(|error| EmbeddedError::cannot_write(&config.path, error))?,
            clock,
            ids,
        })
    }

    /// Checks that [`open`](Self::open) would succeed, and changes nothing. A file that does not exist is right.
    ///
    /// # Errors
    /// As [`EmbeddedError`] says.
    pub fn check(
        config: &EmbeddedQueueConfig,
        keys: Arc<SealingKeys>,
        ids: Arc<dyn IdSource>,
    ) -> Result<(), EmbeddedError> {
        let bodies = SealedBodies { keys, ids };
        let path = &config.path;
        rows::FORMAT.check(path, |file, found| {
            bodies.bring_up_to_date(file, found, path)
        })
    }

    /// Returns when the queue can never write again, with the cause: the disk has lost data that was written to it. The
    /// program must end then.
    pub async fn failed(&self) -> String {
        self.writer.failed().await
    }

    fn line(&self, queue: &QueueName) -> Result<Arc<QueueState>, QueueError> {
        let line = self.lines.get(queue.as_str());
        line.cloned()
            .ok_or_else(|| QueueError::NoSuchQueue(queue.to_string()))
    }

    async fn put(
        &self,
        line: &Arc<QueueState>,
        messages: Vec<MessageRow>,
    ) -> Result<(), EmbeddedFault> {
        let (to, now) = (Arc::clone(line), self.clock.now());
        let sent = self
            .writer
            .submit(move |connection| rows::send(connection, &to.name, &messages, now));
        sent.committed().await?;
        line.changed.notify_waiters();
        Ok(())
    }

    async fn look(
        &self,
        line: &Arc<QueueState>,
        max: usize,
    ) -> Result<ReceivedMessages, EmbeddedFault> {
        let (line, now) = (Arc::clone(line), self.clock.now());
        let until = now + self.visibility;
        let looked = self
            .writer
            .submit(move |connection| rows::receive(connection, &line, max, now, until));
        looked.committed().await
    }

    /// Waits until another try may find a message, or until the wait is over.
    async fn wait(
        &self,
        changed: Pin<&mut Notified<'_>>,
        next: Option<DateTime<Utc>>,
        deadline: Instant,
    ) {
        let visible = async {
            let Some(next) = next else {
                return std::future::pending().await;
            };
            while self.clock.now() < next {
                let left = (next - self.clock.now()).to_std().unwrap_or_default();
                sleep(left.min(LOOK_AT_CLOCK)).await;
            }
        };
        tokio::select! {
            () = changed => {}
            () = visible => {}
            () = sleep_until(deadline) => {}
        }
    }

    async fn hide(
        &self,
        line: Arc<QueueState>,
        handle: Handle,
        until: DateTime<Utc>,
    ) -> Result<(), QueueError> {
        let held = Arc::clone(&line);
        let hidden = self
            .writer
            .submit(move |connection| rows::hide(connection, &held.name, handle, until));
        let outcome = taken(hidden.committed().await?);
        line.changed.notify_waiters();
        outcome
    }
}

#[async_trait]
impl JobQueue for EmbeddedJobQueue {
    async fn send(
        &self,
        queue: &QueueName,
        messages: Vec<Outgoing>,
    ) -> Vec<Result<(), QueueError>> {
        let Ok(line) = self.line(queue) else {
            return messages.iter().map(|_| no_such(queue)).collect();
        };
        let mut fitting = Vec::with_capacity(messages.len());
        let mut outcomes = Vec::with_capacity(messages.len());
        for message in messages {
            let fits = message.check();
            if fits.is_ok() {
                let id = self.ids.uuid();
                let body = self.bodies.seal(id, message.body);
                let trace = message.trace;
                fitting.push(MessageRow { id, trace, body });
            }
            outcomes.push(fits);
        }
        if let Err(fault) = self.put(&line, fitting).await {
            for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_ok()) {
                *outcome = Err(fault.clone().into());
            }
        }
        outcomes
    }

    async fn receive(
        &self,
        queue: &QueueName,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        let line = self.line(queue)?;
        if max == 0 {
            return Ok(Vec::new());
        }
        let deadline = Instant::now() + wait.min(MAX_DELAY);
        loop {
            // Before the try, so that a message that is sent after it is noticed.
            let mut changed = std::pin::pin!(line.changed.notified());
            changed.as_mut().enable();
            let look = self.look(&line, max.min(MAX_BATCH)).await?;
            if !look.deliveries.is_empty() || Instant::now() >= deadline {
                return Ok(self.bodies.open_all(look.deliveries)?);
            }
            self.wait(changed, look.next, deadline).await;
        }
    }

    async fn ack(&self, queue: &QueueName, receipts: &[Receipt]) -> Vec<Result<(), QueueError>> {
        let Ok(line) = self.line(queue) else {
            return receipts.iter().map(|_| no_such(queue)).collect();
        };
        let handles: Vec<_> = receipts.iter().map(Handle::parse).collect();
        let acked = self.writer.submit(move |connection| {
            let remove = |handle: Option<Handle>| match handle {
                Some(handle) => rows::remove(connection, &line.name, handle),
                None => Ok(false),
            };
            handles
                .into_iter()
                .map(remove)
                .collect::<Result<Vec<_>, _>>()
        });
        match acked.committed().await {
            Ok(acked) => acked.into_iter().map(taken).collect(),
            Err(fault) => receipts.iter().map(|_| Err(fault.clone().into())).collect(),
        }
    }

    async fn retry_after(
        &self,
        queue: &QueueName,
        receipt: &Receipt,
        delay: Duration,
    ) -> Result<(), QueueError> {
        let line = self.line(queue)?;
        let until = self.clock.now() + delay.min(MAX_DELAY);
        self.hide(line, handle(receipt)?, until).await
    }

    async fn extend(
        &self,
        queue: &QueueName,
        receipt: &Receipt,
        visibility: Duration,
    ) -> Result<(), QueueError> {
        let (line, handle) = (self.line(queue)?, handle(receipt)?);
        let until = self.clock.now() + visibility.min(MAX_DELAY);
        if until <= handle.at + MAX_DELAY {
            return self.hide(line, handle, until).await;
        }
        let looked = self
            .writer
            .submit(move |connection| rows::is_latest(connection, &line.name, handle));
        taken(looked.committed().await?)?;
        Err(QueueError::Rejected(TOO_LONG.into()))
    }

    async fn dead_letter(
        &self,
        queue: &QueueName,
        delivery: &Delivery,
        reason: &str,
    ) -> Result<(), QueueError> {
        let line = self.line(queue)?;
        let handle = handle(&delivery.receipt)?;
        let (reason, now) = (reason.to_owned(), self.clock.now());
        let moved = self
            .writer
            .submit(move |connection| rows::dead_letter(connection, &line, handle, &reason, now));
        taken(moved.committed().await?)
    }

    async fn depth(&self, queue: &QueueName) -> Result<Depth, QueueError> {
        let (line, now) = (self.line(queue)?, self.clock.now());
        let counted = self
            .writer
            .submit(move |connection| rows::depth(connection, &line, now));
        Ok(counted.committed().await?)
    }
}

fn handle(receipt: &Receipt) -> Result<Handle, QueueError> {
    Handle::parse(receipt).ok_or(QueueError::StaleReceipt)
}

fn no_such(queue: &QueueName) -> Result<(), QueueError> {
    Err(QueueError::NoSuchQueue(queue.to_string()))
}

/// The answer to a write that names a receipt: the receipt is stale unless its message was there.
fn taken(there: bool) -> Result<(), QueueError> {
    there.then_some(()).ok_or(QueueError::StaleReceipt)
}
