//! Stand-ins for the serverless machine-learning workers behind the queues.

mod credentials;
mod jobs;
mod messages;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use lemon_consumer::{Consumer, ConsumerConfig, ConsumerError, Handler, register_metrics};
use lemon_domain::{
    ports::{IdSource, JobQueue, TwitterClient},
    values::{ProviderUserId, QueueName, ServiceType},
};
use tokio_util::sync::CancellationToken;

pub use credentials::CredentialsCall;
use jobs::{Bench, Forget, Notify, Train};

/// The most trainings at a time.
const TRAININGS: usize = 256;
/// The most notifications at a time, and the most deletions.
const OTHERS: usize = 16;
/// The first and the longest back-off before a failed job is retried.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5 * 60));

/// The settings and the queues of the stand-in workers.
#[derive(Debug, Clone)]
pub struct WorkersConfig {
    /// The queue of training jobs.
    pub train: QueueName,
    /// The queue of notification jobs.
    pub notify: QueueName,
    /// The queue of deletion jobs.
    pub delete: QueueName,
    /// The queue to which ready messages are sent.
    pub ready: QueueName,
    /// The queues' visibility timeout.
    pub visibility: Duration,
    /// How long a training takes.
    pub training: Duration,
    /// The service of the trainings.
    pub service_type: ServiceType,
}

/// The ports that the workers use.
pub struct WorkersPorts {
    /// Jobs are received from it, and ready messages sent to it.
    pub queue: Arc<dyn JobQueue>,
    /// Posts are read from it, and notifications posted to it.
    pub twitter: Arc<dyn TwitterClient>,
    /// Makes message ids.
    pub ids: Arc<dyn IdSource>,
    /// Redeems the tickets of jobs; `None` if jobs carry credentials.
    pub credentials: Option<CredentialsCall>,
}

/// Workers that read a person's posts, pretend to train, and send a ready message; that post notifications as the
/// person; and that delete what they stored.
pub struct Workers {
    config: WorkersConfig,
    bench: Arc<Bench>,
}

impl Workers {
    /// The longest time that they take after the stop.
    pub const STOP_WITHIN: Duration = Duration::from_secs(18);

    /// Makes workers, which do not run yet. The series of their metrics begin now: before the process says that it is
    /// ready, and so before anybody asks for metrics.
    #[must_use]
    pub fn new(config: WorkersConfig, ports: WorkersPorts) -> Self {
        register_metrics([&config.train, &config.notify, &config.delete], []);
        Self {
            bench: Arc::new(Bench::new(config.clone(), ports)),
            config,
        }
    }

    /// The people who were trained, each with the number of posts.
    #[must_use]
    pub fn trained(&self) -> BTreeMap<ProviderUserId, usize> {
        self.bench.trained()
    }

    /// Works until `stop`. Then jobs in flight return to their queue at once.
    ///
    /// # Errors
    /// If a consumer ends before the stop. The others are drained.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), ConsumerError> {
        let stop = stop.child_token();
        let bench = || Arc::clone(&self.bench);
        let (trained, notified, forgot) = tokio::join!(
            self.consume(&self.config.train, Train(bench()), TRAININGS, &stop),
            self.consume(&self.config.notify, Notify(bench()), OTHERS, &stop),
            self.consume(&self.config.delete, Forget(bench()), OTHERS, &stop),
        );
        trained.and(notified).and(forgot)
    }

    async fn consume<H: Handler>(
        &self,
        queue: &QueueName,
        handler: H,
        at_a_time: usize,
        stop: &CancellationToken,
    ) -> Result<(), ConsumerError> {
        // A training may take very long, and another worker can start it again.
        let config = ConsumerConfig::default()
            .with_pollers(1)
            .with_concurrency(at_a_time)
            .with_visibility(self.config.visibility)
            .with_backoff(BACKOFF.0, BACKOFF.1)
            .with_grace(Duration::ZERO)
            .with_drain(Self::STOP_WITHIN);
        let jobs = Arc::clone(&self.bench.ports.queue);
        let consumer = Consumer::new(jobs, queue.clone(), handler).with_config(config);
        let ended = consumer.run(stop.clone()).await;
        // If one ends, all must end.
        stop.cancel();
        ended
    }
}
