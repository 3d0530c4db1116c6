mod dead_letters;
mod redrive;

use std::{sync::Arc, time::Duration};

use aws_sdk_sqs::Client;
use backon::{ConstantBuilder, Retryable};
use lemon_domain::{
    ports::{Depth, QueueError},
    values::QueueName,
};

pub use self::dead_letters::DeadLetter;
use crate::{
    attributes::{Attributes, depth, wanted, wanted_of_dead},
    config::SqsConfig,
    connection::{Connection, dead_letter_queue},
    error::{SqsError, SqsFault},
    settings::SqsQueueSettings,
};

/// Codes by which SQS says that the queue exists, with other attributes.
const ALREADY_THERE: [&str; 2] = ["QueueAlreadyExists", "QueueNameExists"];

/// How often, and at what interval, a new queue is looked up until SQS finds it.
const LOOKS: usize = 20;
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// What [`SqsQueues::create`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueChange {
    /// There was no such queue, and it was created.
    Created,
    /// The queue had other settings, and was updated.
    Updated,
    /// The queue existed with the wanted settings.
    Unchanged,
}

/// A queue as SQS describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueStats {
    /// How full it is.
    pub depth: Depth,
    /// How long a received message is hidden.
    pub visibility: Duration,
    /// The retention of a message.
    pub retention: Duration,
    /// The number of receives after which SQS dead-letters a message; `None` if it never does.
    pub max_receives: Option<u32>,
    /// The name of the dead-letter queue.
    pub dead_letter_queue: Option<String>,
}

/// Makes queues, and shows queues and their dead letters. For operators: a service that sends and receives needs
/// neither these calls nor the rights to them.
pub struct SqsQueues {
    connection: Arc<Connection>,
}

impl SqsQueues {
    /// Uses the caller's client.
    #[must_use]
    pub fn new(client: &Client, config: SqsConfig) -> Self {
        Self {
            connection: Arc::new(Connection::new(client, config)),
        }
    }

    /// Reads the AWS SDK's own variables and files, as [`SqsJobQueue::connect`](crate::SqsJobQueue::connect) does.
    ///
    /// # Errors
    /// [`SqsError::Region`] if no region is configured.
    pub async fn connect(config: &SqsConfig) -> Result<Self, SqsError> {
        let connection = Arc::new(Connection::resolve(config).await?);
        Ok(Self { connection })
    }

    /// Makes a queue and its dead-letter queue `<name>-dlq`, or corrects the attributes of existing ones. Their
    /// messages stay, and so does every attribute that the settings do not name.
    ///
    /// # Errors
    /// [`QueueError::Rejected`] if SQS refuses the settings, or infrastructure. Part of the work may be done; the call
    /// may be repeated.
    pub async fn create(
        &self,
        queue: &QueueName,
        settings: &SqsQueueSettings,
    ) -> Result<QueueChange, QueueError> {
        let dead_letters = dead_letter_queue(queue)?;
        let of_dead_letters = self
            .ensure(&dead_letters, &wanted_of_dead(settings))
            .await?;
        let arn = self.made(&dead_letters).await?.arn()?;
        let of_queue = self.ensure(queue, &wanted(settings, &arn)).await?;
        Ok(match (of_queue, of_dead_letters) {
            (QueueChange::Unchanged, QueueChange::Unchanged) => QueueChange::Unchanged,
            (QueueChange::Unchanged, _) => QueueChange::Updated,
            (change, _) => change,
        })
    }

    /// Describes a queue. SQS does not report the age of its oldest message: that is `ApproximateAgeOfOldestMessage`, a
    /// metric of `CloudWatch`.
    ///
    /// # Errors
    /// [`QueueError::NoSuchQueue`], or infrastructure.
    pub async fn stats(&self, queue: &QueueName) -> Result<QueueStats, QueueError> {
        let attributes = self.attributes(queue).await?;
        let redrive = attributes.redrive();
        Ok(QueueStats {
            depth: depth(&self.connection, queue).await?,
            visibility: attributes.visibility()?,
            retention: attributes.retention()?,
            max_receives: redrive.as_ref().map(|redrive| redrive.max_receives),
            dead_letter_queue: redrive.map(|redrive| redrive.queue().to_owned()),
        })
    }

    /// At most `max` of a queue's dead letters, in no order. SQS cannot show a message without receiving it: the
    /// messages are hidden from others during this call, or for 30 s if it is cancelled, and their number of receives
    /// increases by one.
    ///
    /// # Errors
    /// [`QueueError::NoSuchQueue`], also for the dead-letter queue, or infrastructure.
    pub async fn dead_letters(
        &self,
        queue: &QueueName,
        max: usize,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        Ok(dead_letters::look(&self.connection, queue, max).await?)
    }

    /// Sends a queue's dead letters to the queue again and answers how many (approximately). To AWS they are new
    /// messages; other servers may go on counting their receives. It returns when SQS has moved all that can be
    /// received; if it is dropped before, SQS goes on. On a server without move tasks this copies them: if that is
    /// cancelled, some messages may be in both queues, but none is lost.
    ///
    /// # Errors
    /// [`QueueError::NoSuchQueue`], also for the dead-letter queue, [`QueueError::Rejected`] if SQS refuses or gives
    /// up, or infrastructure.
    pub async fn redrive(&self, queue: &QueueName) -> Result<u64, QueueError> {
        redrive::redrive(&self.connection, queue).await
    }

    async fn attributes(&self, queue: &QueueName) -> Result<Attributes, SqsFault> {
        Attributes::of(&self.connection, queue).await
    }

    /// The attributes of a queue that may be new: AWS says to wait a second before using a new queue
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html>).
    async fn made(&self, queue: &QueueName) -> Result<Attributes, SqsFault> {
        (|| self.attributes(queue))
            .retry(
                ConstantBuilder::new()
                    .with_delay(LOOK_AGAIN)
                    .with_max_times(LOOKS),
            )
            .when(|fault| matches!(fault, SqsFault::NoSuchQueue(_)))
            .await
    }

    async fn ensure(
        &self,
        queue: &QueueName,
        wanted: &Attributes,
    ) -> Result<QueueChange, SqsFault> {
        let there = match self.attributes(queue).await {
            Err(SqsFault::NoSuchQueue(_)) => match wanted.create(&self.connection, queue).await {
                // Another caller has just created it.
                Err(SqsFault::Refused(said)) if ALREADY_THERE.contains(&said.name()) => {
                    self.attributes(queue).await?
                }
                outcome => return outcome.map(|()| QueueChange::Created),
            },
            there => there?,
        };
        let differing = wanted.differing_from(&there);
        if differing.is_empty() {
            return Ok(QueueChange::Unchanged);
        }
        differing.set(&self.connection, queue).await?;
        Ok(QueueChange::Updated)
    }
}
