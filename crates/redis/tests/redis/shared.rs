//! Counters that share: a pool with the rest of a program, a window with other processes.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use fred::{
    clients::Pool,
    interfaces::ClientLike,
    types::config::{Config, ReconnectPolicy},
};
use lemon_contracts::race;
use lemon_domain::{
    ports::{Clock, QuotaCounter, QuotaError},
    usecases::Quotas,
    values::Window,
};
use lemon_fakes::{FakeClock, MemoryStore};
use lemon_redis::{KeyPrefix, RedisQuotaCounter};

use crate::common::{Redis, at, daily, holder, seat, wish};

const DEADLINE: Duration = Duration::from_secs(60);

fn pool(redis: &Redis) -> Pool {
    let config = Config::from_url(redis.server.url().as_str()).unwrap();
    Pool::new(config, None, None, Some(ReconnectPolicy::default()), 2).unwrap()
}

fn counter_on(pool: &Pool, redis: &Redis, deadline: Duration) -> RedisQuotaCounter {
    let prefix = KeyPrefix::parse(&redis.prefix).unwrap();
    RedisQuotaCounter::new(pool, prefix, deadline)
}

#[tokio::test]
async fn a_callers_pool_outlives_the_counter_and_shares_its_places() {
    let redis = Redis::get().await;
    let pool = pool(&redis);
    pool.init().await.unwrap();
    let (theirs, own) = (counter_on(&pool, &redis, DEADLINE), redis.counter().await);
    let daily = daily(10);
    lemon_contracts::restore(&theirs, &daily.key, &[], at())
        .await
        .unwrap();
    assert_eq!(seat(&own, 1, &daily).await, 1);
    assert_eq!(seat(&theirs, 2, &daily).await, 2);
    assert_eq!(seat(&theirs, 1, &daily).await, 1);
    drop(theirs);
    pool.ping::<()>(None).await.unwrap();
    let again = counter_on(&pool, &redis, DEADLINE);
    assert_eq!(seat(&again, 3, &daily).await, 3);
}

#[tokio::test]
async fn a_pool_that_is_not_connected_is_unavailable() {
    let redis = Redis::get().await;
    let counter = counter_on(&pool(&redis), &redis, Duration::from_millis(1));
    let outcome = counter.reserve(&wish(1, &[&daily(1)])).await;
    assert!(
        matches!(outcome, Err(QuotaError::Unavailable(_))),
        "{outcome:?}"
    );
}

/// As the README has it: each process meets a window that nobody has restored yet, and all at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_turn_of_a_window_processes_give_the_only_place_once() {
    let redis = Redis::get().await;
    let (record, clock) = (
        Arc::new(MemoryStore::default()),
        Arc::new(FakeClock::default()),
    );
    let mut processes = Vec::new();
    for _ in 0..4 {
        let counter = Arc::new(redis.counter().await);
        let (record, clock) = (record.clone(), clock.clone());
        processes.push(Arc::new(Quotas::new(counter, record, clock, DEADLINE)));
    }
    for day in 0..25 {
        let mut only = daily(1);
        let start = clock.now() + TimeDelta::days(day);
        only.key.window = Window {
            start,
            ..only.key.window
        };
        let outcomes = race(processes.len(), |n| {
            let (quotas, only) = (Arc::clone(&processes[n]), only.clone());
            let holder = holder(i64::try_from(n).unwrap());
            async move { quotas.reserve(&holder, &[only]).await.unwrap().is_ok() }
        });
        let admitted = outcomes.await.into_iter().filter(|admitted| *admitted);
        assert_eq!(admitted.count(), 1, "on day {day}");
    }
}
