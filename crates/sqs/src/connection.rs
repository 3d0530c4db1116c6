use std::{sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, timeout::TimeoutConfig};
use aws_sdk_sqs::{
    Client,
    config::{StalledStreamProtectionConfig, http::HttpResponse, retry::RetryConfig},
    error::{ProvideErrorMetadata, SdkError},
};
use backon::{BackoffBuilder, ExponentialBuilder};
use lemon_domain::values::QueueName;
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    addresses::QueueAddresses,
    config::SqsConfig,
    destination::Destination,
    error::{SqsError, SqsFault},
    http::http_client,
};

/// The wait before a call is made again; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// How often a call is made at most, where the client does not say.
const ATTEMPTS: u32 = 3;

/// A client, and the addresses of the queues it uses.
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) config: SqsConfig,
    attempts: u32,
    destination: Destination,
    addresses: QueueAddresses,
}

impl Connection {
    /// The client makes each call once: only here it is known whether it may be made again.
    pub(crate) fn new(client: &Client, config: SqsConfig) -> Self {
        let retries = client.config().retry_config();
        let attempts = retries.map_or(ATTEMPTS, RetryConfig::max_attempts);
        let once = client
            .config()
            .to_builder()
            .retry_config(RetryConfig::disabled())
            .timeout_config(attempts_within(&config, Duration::ZERO))
            // The deadline is the protection; a long poll is silent for long.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        let (client, destination) = Destination::watch(&Client::from_conf(once.build()));
        Self {
            client,
            config,
            attempts,
            destination,
            addresses: QueueAddresses::default(),
        }
    }

    /// From the AWS SDK's chain of configuration.
    pub(crate) async fn resolve(config: &SqsConfig) -> Result<Self, SqsError> {
        let loading = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client(config)?)
            .load();
        // Without a region it asks the machine's metadata service, which may not be there.
        let loaded = tokio::time::timeout(config.deadline, Box::pin(loading)).await;
        let client = Client::new(&loaded.map_err(|_| SqsError::Region)?);
        let connection = Self::new(&client, config.clone());
        if connection.destination.has_region() {
            Ok(connection)
        } else {
            Err(SqsError::Region)
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
    ) -> Result<Arc<str>, SqsFault> {
        let attempt = || async move {
            let address = self.addresses.of(&self.client, queue, until).await;
            address.unwrap_or(Err(SqsFault::TimedOut(self.config.deadline)))
        };
        self.repeat(until, attempt, SqsFault::is_transient)
            .await
            .map_err(SqsFault::before_the_call)
    }

    /// The answer to a call about a queue that may be repeated without harm.
    pub(crate) async fn call<T, E, F>(
        &self,
        queue: &QueueName,
        until: Instant,
        call: impl Fn() -> F,
    ) -> Result<T, SqsFault>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let attempt = || self.attempt(queue, until, call());
        self.repeat(until, attempt, SqsFault::is_transient).await
    }

    /// The answer to a call that would double its effect: it is made again only if it certainly had none.
    pub(crate) async fn call_once<T, E, F>(
        &self,
        queue: &QueueName,
        until: Instant,
        call: impl Fn() -> F,
    ) -> Result<T, SqsFault>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let may_repeat = |fault: &SqsFault| fault.is_transient() && fault.is_certain();
        let attempt = || self.attempt(queue, until, call());
        self.repeat(until, attempt, may_repeat).await
    }

    async fn attempt<T, E>(
        &self,
        queue: &QueueName,
        until: Instant,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, SqsFault>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        if Instant::now() >= until {
            return Err(SqsFault::NotSent("no time was left".to_owned()));
        }
        let fault = match timeout_at(until, call).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => SqsFault::of(&error, queue.as_str()),
            Err(_) => SqsFault::TimedOut(self.config.deadline),
        };
        if matches!(fault, SqsFault::NoSuchQueue(_)) {
            self.addresses.forget(queue);
        }
        Err(fault)
    }

    /// Attempts within the deadline, as many as the client allows.
    async fn repeat<T, F>(
        &self,
        until: Instant,
        attempt: impl Fn() -> F,
        may_repeat: impl Fn(&SqsFault) -> bool,
    ) -> Result<T, SqsFault>
    where
        F: Future<Output = Result<T, SqsFault>>,
    {
        let times = usize::try_from(self.attempts).unwrap_or(usize::MAX);
        let mut waits = ExponentialBuilder::default()
            .with_min_delay(FIRST_WAIT)
            .with_max_times(times.saturating_sub(1))
            .with_jitter()
            .build();
        loop {
            let fault = match attempt().await {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            let wait = waits.next().filter(|wait| Instant::now() + *wait < until);
            match wait {
                Some(wait) if may_repeat(&fault) => sleep(wait).await,
                _ => return Err(fault),
            }
        }
    }

    /// Whether all queues are there.
    pub(crate) async fn check(&self, queues: &[QueueName]) -> Result<(), SqsError> {
        let mut missing = Vec::new();
        for queue in queues {
            // The address may be known from a time when the queue was there.
            self.addresses.forget(queue);
            match self.address(queue, self.until()).await {
                Ok(_) => {}
                Err(SqsFault::NoSuchQueue(name)) => missing.push(name),
                Err(fault) => return Err(fault.explain(self.destination.server(), queue.as_str())),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(SqsError::Missing {
            server: self.destination.server(),
            queues: missing,
        })
    }
}

/// The name of a queue's dead-letter queue.
pub(crate) fn dead_letter_queue(queue: &QueueName) -> Result<QueueName, SqsFault> {
    let name = queue.dead_letters();
    // A name that is too long is no queue's.
    QueueName::parse(&name).map_err(|_| SqsFault::NoSuchQueue(name))
}

/// Limits that leave room in the deadline for a second attempt, on another connection, where the first hangs. SQS itself
/// may wait for a message.
pub(crate) fn attempts_within(config: &SqsConfig, wait: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(config.connect_limit())
        .read_timeout(wait + config.attempt_limit())
        .build()
}
