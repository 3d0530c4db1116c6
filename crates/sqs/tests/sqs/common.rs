//! What the tests of this crate share: a server, clients of it, and names of queues of one test.

use std::{sync::Arc, time::Duration};

use aws_config::BehaviorVersion;
use aws_sdk_sqs::{
    Client,
    config::{Credentials, Region},
};
use lemon_domain::{
    ports::{Delivery, Depth, JobQueue, Outgoing, QueueError},
    values::QueueName,
};
use lemon_sqs::{SqsConfig, SqsJobQueue, SqsQueueSettings, SqsQueues, http_client};
use lemon_test_servers::SqsServer;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// How long a test waits for what must come.
pub(crate) const SOON: Duration = Duration::from_mins(1);

/// A server, and a beginning of queue names for one test.
pub(crate) struct Sqs {
    pub(crate) server: Arc<SqsServer>,
    prefix: String,
}

impl Sqs {
    pub(crate) async fn get() -> Self {
        let server = SqsServer::get().await;
        Self {
            prefix: server.queue_prefix(),
            server,
        }
    }

    /// A queue of this test.
    pub(crate) fn name(&self, name: &str) -> QueueName {
        QueueName::parse(&format!("{}{name}", self.prefix)).unwrap()
    }

    /// A queue of this test with its dead-letter queue.
    pub(crate) async fn queue(&self, name: &str) -> QueueName {
        let name = self.name(name);
        let settings = SqsQueueSettings::default();
        self.queues().create(&name, &settings).await.unwrap();
        name
    }

    pub(crate) fn client(&self) -> Client {
        client_with(self.server.endpoint().as_str(), &patient())
    }

    pub(crate) fn job_queue(&self) -> SqsJobQueue {
        SqsJobQueue::new(&self.client(), patient())
    }

    pub(crate) fn queues(&self) -> SqsQueues {
        SqsQueues::new(&self.client(), patient())
    }
}

/// So that no machine is too slow where a deadline is not what is tested.
pub(crate) fn patient() -> SqsConfig {
    SqsConfig::default().with_deadline(Duration::from_mins(1))
}

/// A client of a server.
pub(crate) fn client_of(endpoint: &str) -> Client {
    client_with(endpoint, &SqsConfig::default())
}

/// A client of a server, with limits of its own.
pub(crate) fn client_with(endpoint: &str, config: &SqsConfig) -> Client {
    let (key, secret) = (SqsServer::ACCESS_KEY, SqsServer::SECRET_KEY);
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client(config).unwrap())
        .endpoint_url(endpoint)
        .region(Region::from_static(SqsServer::REGION))
        .credentials_provider(Credentials::new(key, secret, None, None, "tests"));
    Client::from_conf(config.build())
}

/// A message for each text.
pub(crate) fn outgoing(bodies: &[&str]) -> Vec<Outgoing> {
    let messages = bodies.iter().map(|body| Outgoing {
        id: Uuid::nil(),
        body: (*body).to_owned(),
        trace: None,
    });
    messages.collect()
}

/// Sends texts, all of which must be taken.
pub(crate) async fn send(queue: &dyn JobQueue, name: &QueueName, bodies: &[&str]) {
    for outcome in queue.send(name, outgoing(bodies)).await {
        outcome.unwrap();
    }
}

/// The next messages, however long the queue takes to show them.
pub(crate) async fn collect(queue: &dyn JobQueue, name: &QueueName, count: usize) -> Vec<Delivery> {
    let started = Instant::now();
    let mut deliveries = Vec::new();
    while deliveries.len() < count {
        let (seen, waited) = (deliveries.len(), started.elapsed());
        assert!(waited < SOON, "{seen} of {count} messages came");
        let wait = Duration::from_secs(1);
        deliveries.extend(queue.receive(name, 10, wait).await.unwrap());
    }
    deliveries
}

/// Waits until a queue is that full.
pub(crate) async fn await_depth(queue: &dyn JobQueue, name: &QueueName, expected: Depth) {
    let started = Instant::now();
    loop {
        let depth = queue.depth(name).await.unwrap();
        if depth == expected {
            return;
        }
        assert!(
            started.elapsed() < SOON,
            "{depth:?} does not become {expected:?}"
        );
        sleep(Duration::from_millis(20)).await;
    }
}

/// Everything that an error shows, and what caused it.
pub(crate) fn shown(error: &QueueError) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    format!("{error} {error:?} {}", cause.unwrap_or_default())
}
