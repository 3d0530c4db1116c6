//! The queues on which each case runs.

use std::{any::Any, sync::Arc, time::Duration};

use aws_config::BehaviorVersion;
use aws_sdk_sqs::{
    Client,
    config::{Credentials, Region},
};
use lemon_domain::{
    ports::{Depth, JobQueue, Outgoing},
    sealing::{SealingKey, SealingKeys},
    values::QueueName,
};
use lemon_embedded::{EmbeddedJobQueue, EmbeddedQueueConfig};
use lemon_fakes::{FakeClock, MemoryJobQueue, SequentialIds};
use lemon_sqs::{SqsConfig, SqsJobQueue, SqsQueueSettings, SqsQueues, http_client};
use lemon_test_servers::SqsServer;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// How long a test waits for what must come.
const SOON: Duration = Duration::from_secs(2 * 60);

/// An empty queue.
pub(crate) struct Subject {
    pub(crate) queue: Arc<dyn JobQueue>,
    pub(crate) name: QueueName,
    _guard: Box<dyn Any + Send>,
}

impl Subject {
    pub(crate) async fn send(&self, body: &str) {
        let message = Outgoing {
            id: Uuid::nil(),
            body: body.to_owned(),
            trace: None,
        };
        let sent = self.queue.send(&self.name, vec![message]).await;
        sent.into_iter().collect::<Result<(), _>>().unwrap();
    }

    /// Waits until nothing is left but so many dead letters.
    pub(crate) async fn is_consumed(&self, dead: u64) {
        let consumed = Depth {
            dead,
            ..Depth::default()
        };
        eventually("the queue is consumed", async || {
            self.queue.depth(&self.name).await.unwrap() == consumed
        })
        .await;
    }
}

/// Asks again and again until it holds.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < SOON, "{what}");
        sleep(Duration::from_millis(5)).await;
    }
}

fn jobs() -> QueueName {
    QueueName::parse("jobs").unwrap()
}

pub(crate) async fn fake() -> Subject {
    let queue = MemoryJobQueue::new(Arc::new(FakeClock::default()), [jobs()]);
    Subject {
        queue: Arc::new(queue),
        name: jobs(),
        _guard: Box::new(()),
    }
}

pub(crate) async fn embedded() -> Subject {
    let folder = tempfile::tempdir().unwrap();
    let config = EmbeddedQueueConfig::new(folder.path().join("queue.db"), [jobs()].into());
    let (clock, ids) = (FakeClock::default(), SequentialIds::default());
    let key = SealingKey::parse(&SealingKey::generate("test", &ids)).unwrap();
    let keys = Arc::new(SealingKeys::new(vec![key]).unwrap());
    let queue = EmbeddedJobQueue::open(&config, keys, Arc::new(clock), Arc::new(ids)).unwrap();
    Subject {
        queue: Arc::new(queue),
        name: jobs(),
        _guard: Box::new(folder),
    }
}

pub(crate) async fn sqs() -> Subject {
    let server = SqsServer::get().await;
    // So that no machine is too slow.
    let config = SqsConfig::default().with_deadline(Duration::from_secs(60));
    let (key, secret) = (SqsServer::ACCESS_KEY, SqsServer::SECRET_KEY);
    let client = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client(&config).unwrap())
        .endpoint_url(server.endpoint().as_str())
        .region(Region::from_static(SqsServer::REGION))
        .credentials_provider(Credentials::new(key, secret, None, None, "tests"));
    let client = Client::from_conf(client.build());
    let name = QueueName::parse(&format!("{}jobs", server.queue_prefix())).unwrap();
    let queues = SqsQueues::new(&client, config.clone());
    queues
        .create(&name, &SqsQueueSettings::default())
        .await
        .unwrap();
    Subject {
        queue: Arc::new(SqsJobQueue::new(&client, config)),
        name,
        _guard: Box::new(server),
    }
}
