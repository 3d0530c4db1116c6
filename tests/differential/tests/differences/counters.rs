//! Quota counters.

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use lemon_differential::{CounterUnderTest, compare_counters, counter_steps, search};
use lemon_domain::ports::QuotaCounter;
use lemon_embedded::EmbeddedQuotaCounter;
use lemon_fakes::FakeClock;
use lemon_redis::{RedisConfig, RedisQuotaCounter};
use lemon_test_servers::RedisServer;
use tempfile::TempDir;

/// How many sequences each counter takes.
const SEQUENCES: usize = 400;

/// A counter in a folder of its own.
struct EmbeddedCounter {
    folder: TempDir,
    counter: Option<Arc<EmbeddedQuotaCounter>>,
}

impl EmbeddedCounter {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            counter: Some(open(folder.path())),
            folder,
        }
    }
}

fn open(folder: &Path) -> Arc<EmbeddedQuotaCounter> {
    let clock = Arc::new(FakeClock::default());
    Arc::new(EmbeddedQuotaCounter::open(&folder.join("quota.db"), clock).unwrap())
}

#[async_trait]
impl CounterUnderTest for EmbeddedCounter {
    fn counter(&self) -> Arc<dyn QuotaCounter> {
        self.counter.clone().unwrap()
    }

    async fn restart(&mut self) -> bool {
        self.counter = None;
        self.counter = Some(open(self.folder.path()));
        true
    }

    async fn forget(&mut self) {
        *self = Self::new();
    }
}

/// A counter with a beginning of keys of its own.
struct RedisCounter {
    server: Arc<RedisServer>,
    config: RedisConfig,
    prefix: String,
    counter: Arc<RedisQuotaCounter>,
}

impl RedisCounter {
    async fn new(server: Arc<RedisServer>, is_one_slot: bool) -> Self {
        let prefix = server.key_prefix();
        // No sequence is about the machine's speed.
        let config = RedisConfig::new(server.url().as_str())
            .with_key_prefix(prefix.clone())
            .with_one_slot(is_one_slot)
            .with_deadline(Duration::from_mins(1));
        let counter = RedisQuotaCounter::connect(&config).await.unwrap();
        Self {
            server,
            config,
            prefix,
            counter: Arc::new(counter),
        }
    }
}

#[async_trait]
impl CounterUnderTest for RedisCounter {
    fn counter(&self) -> Arc<dyn QuotaCounter> {
        self.counter.clone()
    }

    /// The server goes on, and with it what it knows.
    async fn restart(&mut self) -> bool {
        self.counter = Arc::new(RedisQuotaCounter::connect(&self.config).await.unwrap());
        false
    }

    async fn forget(&mut self) {
        self.server.forget(&self.prefix).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_counter_counts_as_the_fake() {
    let found = search(SEQUENCES, 4, counter_steps(), async |steps| {
        compare_counters(&mut EmbeddedCounter::new(), steps).await
    });
    found.await.unwrap_or_else(|shortest| panic!("{shortest}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_counter_in_redis_counts_as_the_fake() {
    redis_counts_as_the_fake(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_counter_in_one_slot_of_redis_counts_as_the_fake() {
    redis_counts_as_the_fake(true).await;
}

async fn redis_counts_as_the_fake(is_one_slot: bool) {
    let server = RedisServer::get().await;
    let found = search(SEQUENCES, 4, counter_steps(), async |steps| {
        let mut counter = RedisCounter::new(Arc::clone(&server), is_one_slot).await;
        compare_counters(&mut counter, steps).await
    });
    found.await.unwrap_or_else(|shortest| panic!("{shortest}"));
}
