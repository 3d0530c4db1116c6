//! Stand-ins for the serverless machine-learning workers behind the queues.

mod consumer;
mod jobs;
mod messages;

use std::{collections::BTreeMap, future::ready, sync::Arc, time::Duration};

use lemon_domain::{
    ports::{IdSource, JobQueue, TwitterClient},
    values::{ProviderUserId, QueueName, ServiceType},
};
use tokio_util::sync::CancellationToken;

use consumer::Consumer;
use jobs::Bench;

/// Trainings at a time.
const TRAININGS: usize = 256;
/// Notifications, and deletions, at a time.
const OTHERS: usize = 16;

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
    pub const STOP_WITHIN: Duration = consumer::RECEIVE_WAIT.saturating_add(consumer::STOP_WITHIN);

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

    /// Works until told to stop. Jobs in hand are then given back to their queue at once.
    pub async fn run(&self, stop: CancellationToken) {
        let consumer = |queue: &QueueName, at_a_time| Consumer {
            queue: Arc::clone(&self.bench.ports.queue),
            name: queue.clone(),
            at_a_time,
            stop: stop.clone(),
        };
        let bench = || Arc::clone(&self.bench);
        tokio::join!(
            consumer(&self.config.train, TRAININGS).run(|body| bench().train(body)),
            consumer(&self.config.notify, OTHERS).run(|body| bench().notify(body)),
            consumer(&self.config.delete, OTHERS).run(|body| ready(bench().delete(&body))),
        );
    }
}
