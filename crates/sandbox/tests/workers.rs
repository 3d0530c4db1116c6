//! The stand-in workers over a queue in memory.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{future::pending, sync::Arc, time::Duration};

use async_trait::async_trait;
use lemon_domain::{
    ports::{
        AccessGrant, Depth, JobQueue, Outgoing, Profile, RequestGrant, TweetId, TweetPage,
        TwitterClient, TwitterError,
    },
    values::{Credentials, ProviderUserId, QueueName, RequestToken, ServiceType, Verifier},
};
use lemon_fakes::{FakeClock, MemoryJobQueue, SequentialIds};
use lemon_sandbox::{Workers, WorkersConfig, WorkersPorts};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Twitter that never shows posts, and is broken by one text.
struct Twitter;

#[async_trait]
impl TwitterClient for Twitter {
    async fn request_token(&self) -> Result<RequestGrant, TwitterError> {
        pending().await
    }

    async fn access_token(
        &self,
        _: &RequestToken,
        _: &SecretString,
        _: &Verifier,
    ) -> Result<AccessGrant, TwitterError> {
        pending().await
    }

    async fn profile(&self, _: &Credentials) -> Result<Profile, TwitterError> {
        pending().await
    }

    async fn tweets(
        &self,
        _: &Credentials,
        _: ProviderUserId,
        _: Option<&str>,
    ) -> Result<TweetPage, TwitterError> {
        pending().await
    }

    async fn post_tweet(&self, _: &Credentials, text: &str) -> Result<TweetId, TwitterError> {
        assert!(text != "bad", "on purpose");
        Ok(TweetId("1".to_owned()))
    }

    async fn revoke(&self, _: &Credentials) -> Result<(), TwitterError> {
        pending().await
    }
}

fn name(name: &str) -> QueueName {
    QueueName::parse(name).unwrap()
}

fn queue() -> Arc<MemoryJobQueue> {
    queue_by(Arc::default())
}

fn queue_by(clock: Arc<FakeClock>) -> Arc<MemoryJobQueue> {
    let names = ["train", "notify", "delete", "ready"].map(name);
    Arc::new(MemoryJobQueue::new(clock, names))
}

fn workers(queue: &Arc<MemoryJobQueue>) -> Workers {
    workers_hiding(queue, Duration::from_secs(30))
}

fn workers_hiding(queue: &Arc<MemoryJobQueue>, visibility: Duration) -> Workers {
    let config = WorkersConfig {
        train: name("train"),
        notify: name("notify"),
        delete: name("delete"),
        ready: name("ready"),
        visibility,
        training: Duration::ZERO,
        service_type: ServiceType::parse("LEARNME").unwrap(),
    };
    let ports = WorkersPorts {
        queue: queue.clone(),
        twitter: Arc::new(Twitter),
        ids: Arc::new(SequentialIds::default()),
        credentials: None,
    };
    Workers::new(config, ports)
}

async fn send(queue: &MemoryJobQueue, to: &str, body: &str) {
    let message = Outgoing {
        id: Uuid::nil(),
        body: body.to_owned(),
        trace: None,
    };
    let sent = queue.send(&name(to), vec![message]).await;
    sent.into_iter().collect::<Result<(), _>>().unwrap();
}

async fn becomes(queue: &MemoryJobQueue, of: &str, expected: Depth) {
    let waiting = async {
        while queue.depth(&name(of)).await.unwrap() != expected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let came = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(came.is_ok(), "{of} does not become {expected:?}");
}

fn depth(waiting: u64, in_flight: u64) -> Depth {
    Depth {
        waiting,
        in_flight,
        dead: 0,
    }
}

#[tokio::test]
async fn stops_spend_none_of_a_jobs_receives() {
    let queue = queue();
    let job = r#"{"user_id":"1","access_token":"a","access_secret":"b"}"#;
    send(&queue, "train", job).await;
    for _ in 0..7 {
        let (stop, workers) = (CancellationToken::new(), workers(&queue));
        let running = tokio::spawn({
            let stop = stop.clone();
            async move { workers.run(stop).await }
        });
        becomes(&queue, "train", depth(0, 1)).await;
        stop.cancel();
        running.await.unwrap().unwrap();
        assert_eq!(queue.depth(&name("train")).await.unwrap(), depth(1, 0));
    }
    let again = queue.receive(&name("train"), 1, Duration::ZERO).await;
    assert_eq!(again.unwrap()[0].attempt, 1);
}

#[tokio::test]
async fn a_job_that_panics_is_dead_lettered_in_the_end_and_disturbs_no_other() {
    let clock = Arc::<FakeClock>::default();
    let queue = queue_by(clock.clone());
    // By its visibility timeout it would not come again before the test gives up.
    let workers = workers_hiding(&queue, Duration::from_secs(12 * 60 * 60));
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { workers.run(stop).await }
    });
    let job = |message: &str| {
        format!(r#"{{"user_id":"1","access_token":"a","access_secret":"b","message":"{message}"}}"#)
    };
    send(&queue, "notify", &job("bad")).await;
    becomes(&queue, "notify", depth(0, 1)).await;
    for _ in 0..20 {
        send(&queue, "notify", &job("good")).await;
    }
    becomes(&queue, "notify", depth(0, 1)).await;
    let dead = async {
        loop {
            if let [dead] = &queue.dead_messages(&name("notify"))[..] {
                return dead.reason.clone();
            }
            clock.advance(Duration::from_secs(10));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let reason = tokio::time::timeout(PATIENCE, dead).await;
    assert_eq!(reason.unwrap(), "its handler panicked");
    stop.cancel();
    running.await.unwrap().unwrap();
}
