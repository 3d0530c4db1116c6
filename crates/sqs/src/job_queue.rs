use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use lemon_domain::{
    ports::{Delivery, Depth, JobQueue, MAX_BATCH, MAX_DELAY, Outgoing, QueueError, Receipt},
    values::QueueName,
};

use crate::{
    attributes::depth,
    batch::{BatchEntry, hand_over},
    calls::{delete_batch, hide, poll, send_batch},
    config::{SqsConfig, whole_seconds},
    connection::{Connection, dead_letter_queue},
    dead_letter::move_to_dead_letters,
    error::SqsError,
    traced,
};

/// The longest time that SQS itself waits for a message:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html>.
const LONGEST_POLL: Duration = Duration::from_secs(20);

/// SQS waits for whole seconds, and waits are rounded to them.
const SHORTEST_POLL: Duration = Duration::from_millis(500);

/// Queues of SQS, each with its dead-letter queue `<name>-dlq`.
///
/// A call that breaks off is retried within its deadline if that does no harm. A `send` is not: SQS may have accepted
/// it, and a caller that repeats it must know that. A `receive` that is dropped may have received messages; they are
/// received again after their visibility timeout.
pub struct SqsJobQueue {
    connection: Arc<Connection>,
}

impl SqsJobQueue {
    /// Uses the caller's client, which determines the server, the credentials, and the maximum number of attempts. Its
    /// calls end at the deadline, whatever limits the client has. With [`http_client`](crate::http_client) it finds SQS
    /// again after a silent cut.
    #[must_use]
    pub fn new(client: &Client, config: SqsConfig) -> Self {
        Self::over(Arc::new(Connection::new(client, config)))
    }

    /// Reads the AWS SDK's own variables and files: `AWS_REGION`, `AWS_PROFILE`, credentials from the environment, the
    /// profile, a web identity, or the metadata of the container or machine, `AWS_ENDPOINT_URL_SQS` or
    /// `AWS_ENDPOINT_URL` for another server than AWS, `AWS_MAX_ATTEMPTS`. This does not call SQS;
    /// [`check`](Self::check) does.
    ///
    /// # Errors
    /// [`SqsError::Region`] if no region is configured.
    pub async fn connect(config: &SqsConfig) -> Result<Self, SqsError> {
        let connection = Connection::resolve(config).await?;
        Ok(Self::over(Arc::new(connection)))
    }

    pub(crate) fn over(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    /// Checks that SQS can be used and that all queues exist: those that messages are sent to, those that are consumed,
    /// and the dead-letter queues of the latter.
    ///
    /// # Errors
    /// The obstacle, in one sentence: all missing queues, or the first other fault.
    pub async fn check(
        &self,
        sent_to: &[QueueName],
        consumed: &[QueueName],
    ) -> Result<(), SqsError> {
        let mut queues = [sent_to, consumed].concat();
        // If a name is too long for a dead-letter queue, the error comes with the first dead letter.
        queues.extend(
            consumed
                .iter()
                .filter_map(|queue| dead_letter_queue(queue).ok()),
        );
        queues.sort_unstable();
        queues.dedup();
        self.connection.check(&queues).await
    }
}

#[async_trait]
impl JobQueue for SqsJobQueue {
    async fn send(
        &self,
        queue: &QueueName,
        messages: Vec<Outgoing>,
    ) -> Vec<Result<(), QueueError>> {
        let mut entries = Vec::with_capacity(messages.len());
        let mut outcomes = Vec::with_capacity(messages.len());
        for (place, message) in messages.into_iter().enumerate() {
            let checked = message.check();
            if checked.is_ok() {
                let bytes = message.body.len();
                let trace = traced::fitting(message.trace, bytes);
                entries.push(BatchEntry {
                    place,
                    bytes: bytes + trace.as_ref().map_or(0, traced::bytes),
                    item: (message.body, trace),
                });
            }
            outcomes.push(checked);
        }
        let call = |messages, until| send_batch(&self.connection, queue, messages, until);
        for (place, outcome) in hand_over(&self.connection, entries, call).await {
            outcomes[place] = outcome.map_err(QueueError::from);
        }
        outcomes
    }

    async fn receive(
        &self,
        queue: &QueueName,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        let Ok(max @ 1..) = i32::try_from(max.min(MAX_BATCH)) else {
            return Ok(Vec::new());
        };
        let mut left = wait.min(MAX_DELAY);
        loop {
            // The requested waits are summed, not the time that passed, because a server may not wait.
            let seconds = left.min(LONGEST_POLL).as_secs_f64().round();
            let seconds = Duration::from_secs_f64(seconds);
            let deliveries = poll(&self.connection, queue, max, seconds).await?;
            left = left.saturating_sub(seconds);
            if !deliveries.is_empty() || left < SHORTEST_POLL {
                return Ok(deliveries);
            }
        }
    }

    async fn ack(&self, queue: &QueueName, receipts: &[Receipt]) -> Vec<Result<(), QueueError>> {
        let entries = receipts
            .iter()
            .enumerate()
            .map(|(place, receipt)| BatchEntry {
                place,
                bytes: receipt.0.len(),
                item: receipt.clone(),
            });
        let mut outcomes: Vec<_> = receipts.iter().map(|_| Ok(())).collect();
        let call = |receipts, until| delete_batch(&self.connection, queue, receipts, until);
        for (place, outcome) in hand_over(&self.connection, entries.collect(), call).await {
            outcomes[place] = outcome.map_err(QueueError::from);
        }
        outcomes
    }

    async fn retry_after(
        &self,
        queue: &QueueName,
        receipt: &Receipt,
        delay: Duration,
    ) -> Result<(), QueueError> {
        let (mut seconds, until) = (whole_seconds(delay), self.connection.until());
        loop {
            match hide(&self.connection, queue, receipt, seconds, until).await {
                Err(fault) if fault.is_beyond_twelve_hours() && seconds > 0 => seconds /= 2,
                outcome => return Ok(outcome?),
            }
        }
    }

    async fn extend(
        &self,
        queue: &QueueName,
        receipt: &Receipt,
        visibility: Duration,
    ) -> Result<(), QueueError> {
        let seconds = whole_seconds(visibility);
        let until = self.connection.until();
        Ok(hide(&self.connection, queue, receipt, seconds, until).await?)
    }

    async fn dead_letter(
        &self,
        queue: &QueueName,
        delivery: &Delivery,
        reason: &str,
    ) -> Result<(), QueueError> {
        Ok(move_to_dead_letters(&self.connection, queue, delivery, reason).await?)
    }

    async fn depth(&self, queue: &QueueName) -> Result<Depth, QueueError> {
        Ok(depth(&self.connection, queue).await?)
    }
}
