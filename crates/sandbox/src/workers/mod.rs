//! Stand-ins for the serverless machine-learning workers behind the queues.

mod jobs;
mod messages;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use lemon_consumer::{Consumer, ConsumerConfig, ConsumerError, Handler};
use lemon_domain::{
    ports::{IdSource, JobQueue, TwitterClient},
    values::{ProviderUserId, QueueName, ServiceType},
};
use tokio_util::sync::CancellationToken;

use jobs::{Bench, Forget, Notify, Train};

/// Trainings at a time.
const TRAININGS: usize = 256;
/// Notifications, and deletions, at a time.
const OTHERS: usize = 16;
/// The first and the longest wait before a job that failed is tried again.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5 * 60));

/// What the stand-in workers do, and over which queues.
#[derive(Debug, Clone)]
pub struct WorkersConfig {
    /// Jobs to train come from here.
    pub train: QueueName,
    /// Jobs to notify come from here.
    pub notify: QueueName,
    /// Jobs to delete come from here.
    pub delete: QueueName,
    /// Ready messages go here.
    pub ready: QueueName,
    /// The queues' visibility timeout.
    pub visibility: Duration,
    /// How long a training takes.
    pub training: Duration,
    /// The service that is trained for.
    pub service_type: ServiceType,
}

/// What the workers work with.
pub struct WorkersPorts {
    /// Where jobs come from and ready messages go.
    pub queue: Arc<dyn JobQueue>,
    /// Where posts are read and notifications posted.
    pub twitter: Arc<dyn TwitterClient>,
    /// Message ids.
    pub ids: Arc<dyn IdSource>,
}

/// Workers that fetch a person's posts, pretend to train, and say that they are ready; that post notifications as the
/// person; and that forget.
pub struct Workers {
    config: WorkersConfig,
    bench: Arc<Bench>,
}

impl Workers {
    /// How long they take after the stop, at most.
    pub const STOP_WITHIN: Duration = Duration::from_secs(18);

    /// Workers that do nothing yet.
    #[must_use]
    pub fn new(config: WorkersConfig, ports: WorkersPorts) -> Self {
        Self {
            bench: Arc::new(Bench::new(config.clone(), ports)),
            config,
        }
    }

    /// Who is trained, and on how many posts.
    #[must_use]
    pub fn trained(&self) -> BTreeMap<ProviderUserId, usize> {
        self.bench.trained()
    }

    /// Works until `stop`. Jobs in flight are then given back to their queue at once.
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
        // A training may take for ever, and another worker begins it again.
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
        // The end of one is the end of all.
        stop.cancel();
        ended
    }
}
