use std::{sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, timeout::TimeoutConfig};
use aws_sdk_sqs::{
    Client,
    config::{StalledStreamProtectionConfig, http::HttpResponse},
    error::{ProvideErrorMetadata, SdkError},
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use lemon_domain::values::QueueName;
use tokio::time::{Instant, timeout_at};

use crate::{
    ConnectError, SqsConfig, addresses::Addresses, destination::Destination, error::Fault,
};

/// What the name of a dead-letter queue ends with.
const DEAD: &str = "-dlq";

/// A client, and the addresses of the queues it uses.
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) config: SqsConfig,
    destination: Destination,
    addresses: Addresses,
}

impl Connection {
    pub(crate) fn new(client: &Client, config: SqsConfig) -> Self {
        let (client, destination) = Destination::watch(client);
        Self {
            client,
            config,
            destination,
            addresses: Addresses::default(),
        }
    }

    /// From the AWS SDK's chain of configuration.
    pub(crate) async fn resolve(config: &SqsConfig) -> Result<Self, ConnectError> {
        let http_client = Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let loading = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client)
            .timeout_config(attempts_within(config.deadline))
            // The deadline is the protection.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .load();
        // Without a region it asks the machine's metadata service, which may not be there.
        let loaded = tokio::time::timeout(config.deadline, Box::pin(loading)).await;
        let client = Client::new(&loaded.map_err(|_| ConnectError::Region)?);
        let connection = Self::new(&client, config.clone());
        if connection.destination.has_region() {
            Ok(connection)
        } else {
            Err(ConnectError::Region)
        }
    }

    /// When a call that begins now must have ended.
    pub(crate) fn until(&self) -> Instant {
        Instant::now() + self.config.deadline
    }

    /// The address of a queue.
    pub(crate) async fn address(
        &self,
        queue: &QueueName,
        until: Instant,
    ) -> Result<Arc<str>, Fault> {
        let address = self.addresses.of(&self.client, queue, until).await;
        address.unwrap_or(Err(Fault::TimedOut(self.config.deadline)))
    }

    /// The answer to a call about a queue.
    pub(crate) async fn call<T, E>(
        &self,
        queue: &QueueName,
        until: Instant,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Fault>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let fault = match timeout_at(until, call).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => Fault::of(&error, queue.as_str()),
            Err(_) => Fault::TimedOut(self.config.deadline),
        };
        if matches!(fault, Fault::NoSuchQueue(_)) {
            self.addresses.forget(queue);
        }
        Err(fault)
    }

    /// Whether all queues are there.
    pub(crate) async fn check(&self, queues: &[QueueName]) -> Result<(), ConnectError> {
        let mut missing = Vec::new();
        for queue in queues {
            // The address may be known from a time when the queue was there.
            self.addresses.forget(queue);
            match self.address(queue, self.until()).await {
                Ok(_) => {}
                Err(Fault::NoSuchQueue(name)) => missing.push(name),
                Err(fault) => return Err(fault.explain(self.destination.server(), queue.as_str())),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(ConnectError::Missing {
            server: self.destination.server(),
            queues: missing,
        })
    }
}

/// The name of a queue's dead-letter queue.
pub(crate) fn dead_letter_queue(queue: &QueueName) -> Result<QueueName, Fault> {
    let name = format!("{queue}{DEAD}");
    // A name that is too long is no queue's.
    QueueName::parse(&name).map_err(|_| Fault::NoSuchQueue(name))
}

/// Limits that leave room in the deadline for a second attempt, on another connection, where the first hangs.
pub(crate) fn attempts_within(deadline: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(deadline / 2)
        .operation_attempt_timeout(deadline / 2)
        .build()
}
