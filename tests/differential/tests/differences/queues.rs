//! Job queues.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_sdk_sqs::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
};
use lemon_differential::{QueueUnderTest, compare_queues, queue_steps, search};
use lemon_domain::{
    ports::{JobQueue, QueueKeeping},
    sealing::{SealingKey, SealingKeys},
    values::QueueName,
};
use lemon_embedded::{EmbeddedJobQueue, EmbeddedQueueConfig};
use lemon_fakes::{FakeClock, SequentialIds};
use lemon_sqs::{SqsConfig, SqsJobQueue, SqsQueueSettings, SqsQueues, http_client};
use lemon_test_servers::SqsServer;
use tempfile::TempDir;

/// How many sequences the embedded queue takes.
const SEQUENCES: usize = 400;
/// How many SQS takes, where each call goes over HTTP.
const ON_SQS: usize = 48;

/// A queue in a folder of its own.
struct EmbeddedQueue {
    folder: TempDir,
    clock: Arc<FakeClock>,
    ids: Arc<SequentialIds>,
    queue: Option<Arc<EmbeddedJobQueue>>,
}

impl EmbeddedQueue {
    fn new() -> Self {
        let mut queue = Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::default(),
            ids: Arc::default(),
            queue: None,
        };
        queue.open();
        queue
    }

    fn open(&mut self) {
        let path = self.folder.path().join("queue.db");
        let config = EmbeddedQueueConfig::new(path, [jobs()].into());
        let (clock, ids) = (self.clock.clone(), self.ids.clone());
        let queue = EmbeddedJobQueue::open(&config, keys(), clock, ids).unwrap();
        self.queue = Some(Arc::new(queue));
    }
}

fn jobs() -> QueueName {
    QueueName::parse("Jobs").unwrap()
}

fn keys() -> Arc<SealingKeys> {
    let key = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let key = SealingKey::parse(&key.into()).unwrap();
    Arc::new(SealingKeys::new(vec![key]).unwrap())
}

#[async_trait]
impl QueueUnderTest for EmbeddedQueue {
    fn queue(&self) -> Arc<dyn JobQueue> {
        self.queue.clone().unwrap()
    }

    fn keeping(&self) -> Arc<dyn QueueKeeping> {
        self.queue.clone().unwrap()
    }

    fn name(&self) -> QueueName {
        jobs()
    }

    fn clock(&self) -> Option<Arc<FakeClock>> {
        Some(self.clock.clone())
    }

    async fn restart(&mut self) {
        self.queue = None;
        self.open();
    }
}

/// A queue with a name of its own.
struct SqsQueue {
    client: Client,
    name: QueueName,
}

impl SqsQueue {
    async fn new(server: &SqsServer) -> Self {
        let name = format!("{}Jobs", server.queue_prefix());
        let queue = Self {
            client: client(server),
            name: QueueName::parse(&name).unwrap(),
        };
        // No delivery comes back by itself, however slow the machine is.
        let settings = SqsQueueSettings::default().with_visibility(Duration::from_hours(1));
        let queues = SqsQueues::new(&queue.client, patient());
        queues.create(&queue.name, &settings).await.unwrap();
        queue
    }
}

fn patient() -> SqsConfig {
    SqsConfig::default().with_deadline(Duration::from_mins(1))
}

fn client(server: &SqsServer) -> Client {
    let (key, secret) = (SqsServer::ACCESS_KEY, SqsServer::SECRET_KEY);
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client(&patient()).unwrap())
        .endpoint_url(server.endpoint().as_str())
        .region(Region::from_static(SqsServer::REGION))
        .credentials_provider(Credentials::new(key, secret, None, None, "tests"));
    Client::from_conf(config.build())
}

#[async_trait]
impl QueueUnderTest for SqsQueue {
    fn queue(&self) -> Arc<dyn JobQueue> {
        Arc::new(SqsJobQueue::new(&self.client, patient()))
    }

    fn keeping(&self) -> Arc<dyn QueueKeeping> {
        Arc::new(SqsQueues::new(&self.client, patient()))
    }

    fn name(&self) -> QueueName {
        self.name.clone()
    }

    fn clock(&self) -> Option<Arc<FakeClock>> {
        None
    }

    async fn restart(&mut self) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_queue_delivers_as_the_fake() {
    let found = search(SEQUENCES, 4, queue_steps(), async |steps| {
        compare_queues(&mut EmbeddedQueue::new(), steps).await
    });
    found.await.unwrap_or_else(|shortest| panic!("{shortest}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqs_delivers_as_the_fake() {
    let server = SqsServer::get().await;
    let found = search(ON_SQS, 12, queue_steps(), async |steps| {
        compare_queues(&mut SqsQueue::new(&server).await, steps).await
    });
    found.await.unwrap_or_else(|shortest| panic!("{shortest}"));
}
