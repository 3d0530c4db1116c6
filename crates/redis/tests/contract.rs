//! The contract of the quota counter, case by case, on a real server.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use lemon_domain::ports::QuotaCounter;
use lemon_redis::{RedisConfig, RedisQuotaCounter};
use lemon_testkit::{Subject, services::RedisServer};

async fn subject() -> Subject<dyn QuotaCounter> {
    let server = RedisServer::get().await;
    let config = RedisConfig {
        key_prefix: server.key_prefix(),
        // No case is about the machine's speed.
        deadline: Duration::from_mins(1),
        ..RedisConfig::new(server.url().as_str())
    };
    let counter = RedisQuotaCounter::connect(&config).await.unwrap();
    Subject::guarded(Arc::new(counter), server)
}

lemon_testkit::quota_counter_suite!(subject);
