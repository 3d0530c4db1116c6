//! The contract of the quota counter, case by case, on a real server.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use lemon_contracts::Subject;
use lemon_domain::ports::QuotaCounter;
use lemon_redis::{RedisConfig, RedisQuotaCounter};
use lemon_test_servers::RedisServer;

async fn subject() -> Subject<dyn QuotaCounter> {
    let server = RedisServer::get().await;
    // No case is about the machine's speed.
    let config = RedisConfig::new(server.url().as_str())
        .with_key_prefix(server.key_prefix())
        .with_deadline(Duration::from_secs(60));
    let counter = RedisQuotaCounter::connect(&config).await.unwrap();
    Subject::guarded(Arc::new(counter), server)
}

lemon_contracts::quota_counter_suite!(subject);

mod on_a_pool_of_the_callers {
    use fred::{clients::Pool, interfaces::ClientLike, types::config::Config};
    use lemon_redis::KeyPrefix;

    use super::*;

    async fn subject() -> Subject<dyn QuotaCounter> {
        let server = RedisServer::get().await;
        let config = Config::from_url(server.url().as_str()).unwrap();
        let pool = Pool::new(config, None, None, None, 2).unwrap();
        pool.init().await.unwrap();
        // With the other names of keys.
        let prefix = KeyPrefix::parse(&server.key_prefix())
            .unwrap()
            .in_one_slot();
        let counter = RedisQuotaCounter::new(&pool, prefix, Duration::from_secs(60));
        Subject::guarded(Arc::new(counter), (server, pool))
    }

    lemon_contracts::quota_counter_suite!(subject);
}
