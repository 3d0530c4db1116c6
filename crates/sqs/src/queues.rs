mod choosing;
mod dead_letters;
mod redrive;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use backon::{ConstantBuilder, Retryable};
use lemon_domain::{
    ports::{DeadLetter, DeadLetterChoice, QueueError, QueueKeeping, QueueStats},
    values::QueueName,
};

use crate::{
    attributes::{Attributes, wanted, wanted_of_dead},
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
        // Of an attribute that the server leaves out, nobody knows whether it was different.
        if differing.is_left_out_of(&there) {
            return Ok(QueueChange::Unchanged);
        }
        Ok(QueueChange::Updated)
    }
}

#[async_trait]
impl QueueKeeping for SqsQueues {
    /// SQS does not report the age of a queue's oldest message: that is `ApproximateAgeOfOldestMessage`, a metric of
    /// `CloudWatch`.
    async fn stats(&self, queue: &QueueName) -> Result<QueueStats, QueueError> {
        let attributes = self.attributes(queue).await?;
        let dead = match dead_letter_queue(queue) {
            Ok(dead_letters) => match self.attributes(&dead_letters).await {
                Ok(attributes) => attributes.all_messages(),
                Err(SqsFault::NoSuchQueue(_)) => None,
                Err(fault) => return Err(fault.into()),
            },
            // A queue with so long a name has none.
            Err(_) => None,
        };
        let redrive = attributes.redrive();
        Ok(QueueStats {
            waiting: attributes.waiting(),
            in_flight: attributes.in_flight(),
            dead,
            visibility: attributes.visibility(),
            retention: attributes.retention(),
            max_receives: redrive.as_ref().map(|redrive| redrive.max_receives),
            dead_letter_queue: redrive.map(|redrive| redrive.queue().to_owned()),
        })
    }

    /// In no order. SQS cannot show a message without receiving it: the messages are hidden from others during this
    /// call, or for 30 s if it is cancelled, and their number of receives increases by one.
    async fn dead_letters(
        &self,
        queue: &QueueName,
        max: usize,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        Ok(dead_letters::look(&self.connection, queue, max).await?)
    }

    /// To AWS the redriven messages are new ones; other servers may go on counting their receives. All are moved by SQS
    /// itself, and their number is approximate: the call returns when SQS has moved all that can be received; if it is
    /// dropped before, SQS goes on. On a server without move tasks this copies them: if that is cancelled, some messages
    /// may be in both queues, but none is lost. One is looked for among the first 5,000, and copied.
    async fn redrive(
        &self,
        queue: &QueueName,
        which: &DeadLetterChoice,
    ) -> Result<u64, QueueError> {
        choosing::send_again(&self.connection, queue, which).await
    }

    /// One is looked for among the first 5,000. Letters that others have received meanwhile stay.
    async fn discard(
        &self,
        queue: &QueueName,
        which: &DeadLetterChoice,
    ) -> Result<u64, QueueError> {
        choosing::discard(&self.connection, queue, which).await
    }
}
