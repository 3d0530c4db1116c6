//! A server that is away, hangs or refuses.

use std::time::Duration;

use lemon_domain::ports::{QuotaCounter, QuotaError, ReserveOutcome};
use lemon_redis::{ConnectError, RedisConfig, RedisQuotaCounter};
use lemon_testkit::{restore, services::Link};
use tokio::time::{sleep, timeout};

use crate::common::{Redis, at, daily, used, wish};

const DEADLINE: Duration = Duration::from_millis(500);
/// Longer than any deadline here: what takes as long hangs.
const FOREVER: Duration = Duration::from_secs(20);

/// A counter over a line, and the line.
async fn over_a_line(redis: &Redis) -> (RedisQuotaCounter, Link) {
    let line = Link::to(redis.server.address()).await;
    let url = format!("redis://127.0.0.1:{}", line.port());
    let config = RedisConfig {
        deadline: DEADLINE,
        ..redis.config_at(&url)
    };
    let counter = RedisQuotaCounter::connect(&config).await.unwrap();
    (counter, line)
}

/// Asks until the server answers again.
async fn reserved(counter: &RedisQuotaCounter, user: i64) -> ReserveOutcome {
    let daily = daily(10);
    let answered = async {
        loop {
            match counter.reserve(&wish(user, &[&daily])).await {
                Ok(outcome) => return outcome,
                Err(error) => assert!(error.is_transient(), "{error:?}"),
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(FOREVER, answered).await.unwrap()
}

fn assert_unavailable<T: std::fmt::Debug>(result: &Result<T, QuotaError>) {
    assert!(
        matches!(result, Err(QuotaError::Unavailable(_))),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable_and_found_again_when_it_is_back() {
    let redis = Redis::get().await;
    let (counter, mut line) = over_a_line(&redis).await;
    let daily = daily(10);
    restore(&counter, &daily.key, &[], at()).await.unwrap();
    line.cut().await;
    let refused = timeout(FOREVER, counter.reserve(&wish(1, &[&daily]))).await;
    assert_unavailable(&refused.unwrap());
    line.mend().await;
    let outcome = reserved(&counter, 1).await;
    assert!(matches!(outcome, ReserveOutcome::Reserved(taken) if taken[0].seat == 1));
}

#[tokio::test]
async fn a_call_that_broke_off_and_is_repeated_takes_one_place() {
    let redis = Redis::get().await;
    let (counter, mut line) = over_a_line(&redis).await;
    let daily = daily(10);
    restore(&counter, &daily.key, &[], at()).await.unwrap();
    line.stall();
    let refused = timeout(FOREVER, counter.reserve(&wish(1, &[&daily]))).await;
    assert_unavailable(&refused.unwrap());
    line.mend().await;
    let outcome = reserved(&counter, 1).await;
    assert!(matches!(outcome, ReserveOutcome::Reserved(taken) if taken[0].seat == 1));
    assert_eq!(used(&counter, &daily).await, Some(1));
}

#[tokio::test]
async fn what_is_wrong_at_the_start_is_one_sentence_without_the_password() {
    let redis = Redis::get().await;
    let nobody = redis.server.url();
    let wrong = format!(
        "redis://nobody:hush@{}:{}",
        nobody.host_str().unwrap(),
        nobody.port().unwrap_or(6379)
    );
    let tls = wrong.replace("redis://nobody:hush@", "rediss://:hush@");
    let faults = [
        (wrong.as_str(), "does not accept the user and password"),
        (tls.as_str(), "TLS"),
        (
            "redis://:hush@127.0.0.1:1",
            "redis at 127.0.0.1:1 cannot be reached",
        ),
        ("http://:hush@127.0.0.1", "does not begin with redis://"),
    ];
    for (url, said) in faults {
        let fault = RedisQuotaCounter::connect(&redis.config_at(url)).await;
        let fault: ConnectError = fault.err().unwrap();
        let words = fault.to_string();
        assert!(words.contains(said) && !words.contains("hush"), "{words}");
        assert_eq!(words.lines().count(), 1);
    }
}
