//! A server that is away, hangs or refuses.

use std::{sync::Arc, time::Duration};

use lemon_contracts::restore;
use lemon_domain::ports::{QuotaCounter, QuotaError, ReserveOutcome};
use lemon_redis::{RedisError, RedisQuotaCounter};
use lemon_test_servers::Link;
use tokio::time::{sleep, timeout};

use crate::common::{Redis, at, daily, seat, used, wish};

const DEADLINE: Duration = Duration::from_secs(2);
/// Longer than any deadline here: what takes as long hangs.
const FOREVER: Duration = Duration::from_secs(60);

/// A counter over a line, and the line.
async fn over_a_line(redis: &Redis) -> (RedisQuotaCounter, Link) {
    let line = Link::to(redis.server.address()).await;
    let url = format!("redis://127.0.0.1:{}", line.port());
    let config = redis.config_at(&url).with_deadline(DEADLINE);
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
async fn a_stopped_server_is_unavailable_and_found_again_when_it_is_back() {
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
async fn an_interrupted_call_that_is_repeated_takes_one_place() {
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

/// A lost host or a NAT that forgot: the calls that keep coming must not keep the dead connections alive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silently_dead_connections_are_replaced_while_calls_continue() {
    let redis = Redis::get().await;
    let (counter, line) = over_a_line(&redis).await;
    let counter = Arc::new(counter);
    let daily = daily(1000);
    restore(&*counter, &daily.key, &[], at()).await.unwrap();
    line.silence();
    let callers = (1..=16).map(|user| {
        let (counter, daily) = (Arc::clone(&counter), daily.clone());
        tokio::spawn(async move {
            // Without a pause, so that there is always a call to each connection.
            let mut answered = 0;
            while answered < 20 {
                match counter.reserve(&wish(user, &[&daily])).await {
                    Ok(_) => answered += 1,
                    Err(error) => assert!(error.is_transient(), "{error:?}"),
                }
            }
        })
    });
    let answered = futures::future::try_join_all(callers);
    timeout(FOREVER, answered).await.unwrap().unwrap();
    assert_eq!(used(&*counter, &daily).await, Some(16));
}

/// The first half of its time shows that a connection is silent, the second is for another.
#[tokio::test]
async fn a_call_over_a_dead_connection_is_sent_over_another_in_time() {
    let redis = Redis::get().await;
    let line = Link::to(redis.server.address()).await;
    let config = redis
        .config_at(&format!("redis://127.0.0.1:{}", line.port()))
        .with_deadline(FOREVER / 2);
    let counter = RedisQuotaCounter::connect(&config).await.unwrap();
    let daily = daily(10);
    restore(&counter, &daily.key, &[], at()).await.unwrap();
    line.silence();
    let outcome = counter.reserve(&wish(1, &[&daily])).await.unwrap();
    assert!(matches!(outcome, ReserveOutcome::Reserved(taken) if taken[0].seat == 1));
}

/// Whoever called has gone; what their calls left behind bothers nobody.
#[tokio::test]
async fn calls_that_are_dropped_at_any_moment_leave_the_connections_usable() {
    let redis = Redis::get().await;
    let counter = redis.counter().await;
    let daily = daily(10_000);
    restore(&counter, &daily.key, &[], at()).await.unwrap();
    for polls in 0..200 {
        let wish = wish(7, &[&daily]);
        let mut call = Box::pin(counter.reserve(&wish));
        for _ in 0..polls % 20 {
            if futures::poll!(&mut call).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    for user in 1..=50 {
        seat(&counter, user, &daily).await;
    }
    assert_eq!(used(&counter, &daily).await, Some(50));
}

#[tokio::test]
async fn a_fault_at_the_start_is_one_sentence_without_the_password() {
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
        let config = redis.config_at(url).with_deadline(DEADLINE);
        let fault = RedisQuotaCounter::connect(&config).await;
        let fault: RedisError = fault.err().unwrap();
        let words = fault.to_string();
        assert!(words.contains(said) && !words.contains("hush"), "{words}");
        assert_eq!(words.lines().count(), 1);
    }
}

#[tokio::test]
async fn nothing_is_reserved_for_a_caller_who_left_while_the_server_was_away() {
    let redis = Redis::get().await;
    let (counter, mut line) = over_a_line(&redis).await;
    let daily = daily(10);
    restore(&counter, &daily.key, &[], at()).await.unwrap();
    line.cut().await;
    // Until the driver knows that no connection is left: what it has been given it would send later.
    assert_unavailable(&counter.usage(std::slice::from_ref(&daily.key)).await);
    let (left, stays) = (wish(1, &[&daily]), wish(2, &[&daily]));
    let mut leaving = Box::pin(counter.reserve(&left));
    for _ in 0..3 {
        assert!(
            timeout(Duration::from_millis(20), &mut leaving)
                .await
                .is_err()
        );
    }
    drop(leaving);
    line.mend().await;
    let outcome = reserved(&counter, 2).await;
    assert!(matches!(outcome, ReserveOutcome::Reserved(taken) if taken[0].seat == 1));
    for _ in 0..100 {
        counter.reserve(&stays).await.unwrap();
        assert_eq!(used(&counter, &daily).await, Some(1));
    }
}
