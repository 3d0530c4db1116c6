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

/// The back-off before the first retry of a call; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// The maximum number of attempts of a call, unless the client's configuration sets one.
const ATTEMPTS: u32 = 3;

/// A client, and the URLs of the queues that it uses.
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) config: SqsConfig,
    attempts: u32,
    destination: Destination,
    addresses: QueueAddresses,
}

impl Connection {
    /// Disables the client's own retries: only this code knows whether a call may be repeated.
    pub(crate) fn new(client: &Client, config: SqsConfig) -> Self {
        let retries = client.config().retry_config();
        let attempts = retries.map_or(ATTEMPTS, RetryConfig::max_attempts);
        let once = client
            .config()
            .to_builder()
            .retry_config(RetryConfig::disabled())
            .timeout_config(attempts_within(&config, Duration::ZERO))
            // The deadline is the protection; a long poll may be silent for a long time.
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

    /// Reads the AWS SDK's chain of configuration.
    pub(crate) async fn resolve(config: &SqsConfig) -> Result<Self, SqsError> {
        let loading = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client(config)?)
            .load();
        // Without a region the SDK asks the machine's metadata service, which may not exist.
        let loaded = tokio::time::timeout(config.deadline, Box::pin(loading)).await;
        let client = Client::new(&loaded.map_err(|_| SqsError::Region)?);
        let connection = Self::new(&client, config.clone());
        if connection.destination.has_region() {
            Ok(connection)
        } else {
            Err(SqsError::Region)
        }
    }

    /// The deadline of a call that begins now.
    pub(crate) fn until(&self) -> Instant {
        Instant::now() + self.config.deadline
    }

    /// The URL of a queue.
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

    /// Makes a call that may be repeated without harm.
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

    /// Makes a call that would have a double effect if repeated: it is retried only after a failure that had no effect.
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

    /// Retries within the deadline, as often as the client's configuration allows.
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

    /// Checks that all queues exist.
    pub(crate) async fn check(&self, queues: &[QueueName]) -> Result<(), SqsError> {
        let mut missing = Vec::new();
        for queue in queues {
            // The URL may be cached from a time when the queue existed.
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
    // A queue cannot have a name that is too long.
    QueueName::parse(&name).map_err(|_| SqsFault::NoSuchQueue(name))
}

/// Limits that leave time for a second attempt, on another connection, if the first one hangs. The time that SQS itself
/// waits for a message is added.
pub(crate) fn attempts_within(config: &SqsConfig, wait: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(config.connect_limit())
        .read_timeout(wait + config.attempt_limit())
        .build()
}
