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

/// Codes by which SQS says that the queue is there, with other attributes.
const ALREADY_THERE: [&str; 2] = ["QueueAlreadyExists", "QueueNameExists"];

/// How often, and after how long each time, a queue that was just made is looked for.
const LOOKS: usize = 20;
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// What [`SqsQueues::create`] found to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueChange {
    /// There was no such queue.
    Created,
    /// It was there with other settings, which are as wanted now.
    Updated,
    /// It was there as wanted.
    Unchanged,
}

/// A queue as SQS describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueStats {
    /// How full it is.
    pub depth: Depth,
    /// How long a received message is hidden.
    pub visibility: Duration,
    /// How long a message is kept.
    pub retention: Duration,
    /// After how many receives SQS gives a message up; `None` if it never does.
    pub max_receives: Option<u32>,
    /// Where it goes then: the name of a queue.
    pub dead_letter_queue: Option<String>,
}

/// The queues themselves: making them, looking at them and at their dead letters. For operators; a service that sends and
/// receives needs none of it, nor the rights to it.
pub struct SqsQueues {
    connection: Arc<Connection>,
}

impl SqsQueues {
    /// Over a client of one's own.
    #[must_use]
    pub fn new(client: &Client, config: SqsConfig) -> Self {
        Self {
            connection: Arc::new(Connection::new(client, config)),
        }
    }

    /// From the AWS SDK's own variables and files, as [`SqsJobQueue::connect`](crate::SqsJobQueue::connect).
    ///
    /// # Errors
    /// [`SqsError::Region`] if no region is configured.
    pub async fn connect(config: &SqsConfig) -> Result<Self, SqsError> {
        let connection = Arc::new(Connection::resolve(config).await?);
        Ok(Self { connection })
    }

    /// Makes a queue and its dead-letter queue `<name>-dlq`, or brings those that are there into line. What is in them
    /// stays, and so does every attribute that the settings do not name.
    ///
    /// # Errors
    /// [`QueueError::Rejected`] if SQS refuses the settings, or infrastructure. Half of the work may be done; it can be
    /// called again.
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

    /// Describes a queue. SQS does not say how old its oldest message is: that is `ApproximateAgeOfOldestMessage`, a
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

    /// At most `max` of a queue's dead letters, in no order. SQS cannot show a message without receiving it: they are
    /// hidden from others while this looks, for 30 s if it is broken off, and their count of receives rises by one.
    ///
    /// # Errors
    /// [`QueueError::NoSuchQueue`], also of the dead-letter queue, or infrastructure.
    pub async fn dead_letters(
        &self,
        queue: &QueueName,
        max: usize,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        Ok(dead_letters::look(&self.connection, queue, max).await?)
    }

    /// Sends a queue's dead letters to the queue again and answers how many (approximately). To AWS they are new messages;
    /// other servers may go on counting their receives. It returns when SQS has moved all that can be received; dropped
    /// before, SQS goes on. A server without move tasks has them copied: broken off then, some may be in both queues,
    /// none in neither.
    ///
    /// # Errors
    /// [`QueueError::NoSuchQueue`], also of the dead-letter queue, [`QueueError::Rejected`] if SQS refuses or gives up,
    /// or infrastructure.
    pub async fn redrive(&self, queue: &QueueName) -> Result<u64, QueueError> {
        redrive::redrive(&self.connection, queue).await
    }

    async fn attributes(&self, queue: &QueueName) -> Result<Attributes, SqsFault> {
        Attributes::of(&self.connection, queue).await
    }

    /// The attributes of a queue that may just have been made: AWS says to wait a second before using one
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
                // Somebody else made it just now.
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
