//! What the tests of this crate share: a server, clients of it, and names of queues of one test.

use std::{sync::Arc, time::Duration};

use aws_config::BehaviorVersion;
use aws_sdk_sqs::{
    Client,
    config::{Credentials, Region, retry::RetryConfig},
};
use aws_smithy_http_client::Builder;
use lemon_domain::values::QueueName;
use lemon_sqs::{SqsConfig, SqsJobQueue, SqsQueues};
use lemon_testkit::services::SqsServer;

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

    pub(crate) fn client(&self) -> Client {
        client_of(self.server.endpoint().as_str())
    }

    pub(crate) fn job_queue(&self) -> SqsJobQueue {
        SqsJobQueue::new(&self.client(), SqsConfig::default())
    }

    pub(crate) fn queues(&self) -> SqsQueues {
        SqsQueues::new(&self.client(), SqsConfig::default())
    }
}

/// A client of a server without TLS, which repeats soon what failed.
pub(crate) fn client_of(endpoint: &str) -> Client {
    let (key, secret) = (SqsServer::ACCESS_KEY, SqsServer::SECRET_KEY);
    let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(20));
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(Builder::new().build_http())
        .endpoint_url(endpoint)
        .region(Region::from_static(SqsServer::REGION))
        .credentials_provider(Credentials::new(key, secret, None, None, "tests"))
        .retry_config(retries);
    Client::from_conf(config.build())
}
