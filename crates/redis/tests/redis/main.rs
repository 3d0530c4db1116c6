//! What only a real server shows: lost scripts, lost and foreign keys, expiry, a crowd over several processes' pools.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;
mod demoted;
mod faults;
mod parts;
mod shared;
mod together;
mod versions;

use std::{collections::BTreeSet, slice, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use common::{Redis, at, budget, daily, day, holder, place, recorded, seat, used, wish};
use futures::future::join_all;
use lemon_contracts::restore;
use lemon_domain::{
    ports::{QuotaCounter, QuotaError, Reservation, ReserveOutcome},
    values::{Budget, BudgetKey, Place, Scope, Window},
};
use lemon_redis::RedisQuotaCounter;

/// The keys of the [`daily`] budget.
fn keys(redis: &Redis) -> [String; 3] {
    let start = day().start.timestamp();
    ["places", "seats", "sums"]
        .map(|part| format!("{}:{{LEARNME}}:daily:{start}:{part}", redis.prefix))
}

/// A counter that knows of the budget, of which nothing is taken.
async fn counter_of(redis: &Redis, budget: &Budget) -> RedisQuotaCounter {
    let counter = redis.counter().await;
    restore(&counter, &budget.key, &[], at()).await.unwrap();
    counter
}

#[tokio::test]
async fn a_script_that_the_server_forgot_is_sent_again() {
    let redis = Redis::get().await;
    let (counter, daily) = (redis.counter().await, daily(10));
    redis.run(&["SCRIPT", "FLUSH"]).await;
    restore(&counter, &daily.key, &[], at()).await.unwrap();
    redis.run(&["SCRIPT", "FLUSH"]).await;
    assert_eq!(seat(&counter, 1, &daily).await, 1);
    redis.run(&["SCRIPT", "FLUSH"]).await;
    assert_eq!(used(&counter, &daily).await, Some(1));
    redis.run(&["SCRIPT", "FLUSH"]).await;
    let key = slice::from_ref(&daily.key);
    counter
        .release(&holder(1), key, DateTime::<Utc>::MAX_UTC)
        .await
        .unwrap();
    assert_eq!(used(&counter, &daily).await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_people_on_three_counters_get_exactly_the_four_hundred_places() {
    let redis = Redis::get().await;
    let (daily, reads) = (daily(400), budget("reads", 1_000_000, 3200));
    let mut counters = Vec::new();
    for _ in 0..3 {
        counters.push(Arc::new(counter_of(&redis, &daily).await));
    }
    restore(&*counters[0], &reads.key, &[], at()).await.unwrap();
    // Of the reads there are 312 uses, so 88 of the places stay.
    let both = wish(0, &[&daily, &reads]);
    let outcomes = crowd(&counters, 1..=500, &both).await;
    assert_eq!(outcomes.len(), 312);
    let outcomes = crowd(&counters, 501..=2500, &wish(0, &[&daily])).await;
    assert_eq!(outcomes, (313..=400).collect());
    assert_eq!(used(&*counters[1], &daily).await, Some(400));
    assert_eq!(used(&*counters[2], &reads).await, Some(312 * 3200));
}

/// The seats in the first budget that the users got, who ask all at once, and of whom nobody gets another's.
async fn crowd(
    counters: &[Arc<RedisQuotaCounter>],
    users: std::ops::RangeInclusive<i64>,
    wish: &Reservation,
) -> BTreeSet<u32> {
    let tasks = users.zip(counters.iter().cycle()).map(|(user, counter)| {
        let counter = Arc::clone(counter);
        let wish = Reservation {
            holder: holder(user),
            ..wish.clone()
        };
        tokio::spawn(async move { counter.reserve(&wish).await.unwrap() })
    });
    let mut seats = BTreeSet::new();
    for outcome in join_all(tasks.collect::<Vec<_>>()).await {
        if let ReserveOutcome::Reserved(taken) = outcome.unwrap() {
            assert!(
                seats.insert(taken[0].seat),
                "seat {} was given twice",
                taken[0].seat
            );
        }
    }
    seats
}

#[tokio::test]
async fn keys_expire_an_hour_after_the_window_and_not_before() {
    let redis = Redis::get().await;
    let counter = redis.counter().await;
    let now = redis.run(&["TIME"]).await.into_array()[0].as_i64().unwrap();
    let window_that_ends_in = |seconds: i64| {
        let end = DateTime::from_timestamp(now + seconds, 0).unwrap();
        let mut budget = daily(10);
        budget.key.window = Window {
            start: end - TimeDelta::days(1),
            end,
        };
        budget
    };
    for (ends_in, left) in [(3600, 7200), (-60, 3540)] {
        let budget = window_that_ends_in(ends_in);
        restore(&counter, &budget.key, &[], at()).await.unwrap();
        assert_eq!(seat(&counter, 1, &budget).await, 1);
        let start = budget.key.window.start.timestamp();
        for part in ["places", "seats", "sums"] {
            let key = format!("{}:{{LEARNME}}:daily:{start}:{part}", redis.prefix);
            let ttl = redis.run(&["TTL", &key]).await.as_i64().unwrap();
            assert!(
                (left - 60..=left).contains(&ttl),
                "{key} expires in {ttl} s"
            );
        }
    }
    let forgotten = window_that_ends_in(-3601);
    let id = counter.begin_restoration(&forgotten.key).await.unwrap();
    assert!(!counter.open(&forgotten.key, id.unwrap()).await.unwrap());
    assert_eq!(used(&counter, &forgotten).await, None);
}

#[tokio::test]
async fn a_value_that_is_not_a_counter_is_corrupt_named_and_not_changed() {
    let redis = Redis::get().await;
    let (daily, other) = (daily(10), budget("other", 10, 1));
    let counter = counter_of(&redis, &other).await;
    let [places, seats, sums] = keys(&redis);
    let foreign: [(&str, &[&[&str]]); 7] = [
        (&places, &[&["SET", &places, "1"]]),
        (&places, &[&["HSET", &places, "a", "b"]]),
        (&places, &[&["HSET", &places, "used", "many"]]),
        (&seats, &[&["RPUSH", &seats, "a"]]),
        (
            &places,
            &[
                &["HSET", &places, "used", "1", "1:1", "first"],
                &["ZADD", &seats, "1", "1:1"],
            ],
        ),
        (
            &sums,
            &[&["HSET", &places, "used", "0"], &["SET", &sums, "1"]],
        ),
        (
            &sums,
            &[
                &["HSET", &places, "used", "1", "1:1", "1:1:1"],
                &["ZADD", &seats, "1", "1:1"],
                &["RPUSH", &sums, "1"],
            ],
        ),
    ];
    for (key, commands) in foreign {
        redis.run(&["DEL", &places, &seats, &sums]).await;
        for command in commands {
            redis.run(command).await;
        }
        let before = redis.run(&["DUMP", key]).await;
        let known = commands.len() > 1;
        let asked = wish(if key == sums { 2 } else { 1 }, &[&other, &daily]);
        let windows = slice::from_ref(&daily.key);
        let other_holder = recorded(
            &daily,
            &[Place {
                holder: holder(2),
                ..place(1)
            }],
        );
        assert_corrupt(counter.reserve(&asked).await, key);
        if !known {
            assert_corrupt(counter.usage(windows).await, key);
            assert_corrupt(counter.begin_restoration(&daily.key).await, key);
            assert_corrupt(counter.restore(&other_holder).await, key);
        }
        if key != sums || commands.len() > 2 {
            assert_corrupt(
                counter
                    .release(&holder(1), windows, DateTime::<Utc>::MAX_UTC)
                    .await,
                key,
            );
        }
        if key == sums || !known {
            assert_corrupt(counter.sums(&daily.key).await, key);
        } else {
            assert_corrupt(counter.restore(&other_holder).await, key);
        }
        assert_eq!(redis.run(&["DUMP", key]).await, before, "{key} was changed");
        assert_eq!(used(&counter, &other).await, Some(0), "a place was taken");
    }
    redis.run(&["DEL", &places, &seats, &sums]).await;
    assert_eq!(used(&counter, &daily).await, None);
}

fn assert_corrupt<T: std::fmt::Debug>(result: Result<T, QuotaError>, expected: &str) {
    match result {
        Err(QuotaError::Corrupt { key, .. }) => assert_eq!(key, expected),
        other => panic!("not corrupt: {other:?}"),
    }
}

#[tokio::test]
async fn a_window_of_which_half_was_lost_is_unknown_until_it_is_restored() {
    let redis = Redis::get().await;
    let daily = daily(10);
    let counter = counter_of(&redis, &daily).await;
    let record = [1, 2, 3].map(place);
    for user in 1..=3 {
        seat(&counter, user, &daily).await;
    }
    let [places, seats, _] = keys(&redis);
    let unknown = ReserveOutcome::Unknown(daily.key.clone());
    for lost in [&seats, &places] {
        redis.run(&["DEL", lost]).await;
        assert_eq!(counter.reserve(&wish(4, &[&daily])).await.unwrap(), unknown);
        assert_eq!(used(&counter, &daily).await, None);
        let id = counter.begin_restoration(&daily.key).await.unwrap();
        redis.run(&["DEL", lost]).await;
        // What was lost again meanwhile is begun again.
        let again = counter.begin_restoration(&daily.key).await.unwrap();
        assert_eq!(id == again, lost == &seats);
        restore(&counter, &daily.key, &record, at()).await.unwrap();
        assert_eq!(used(&counter, &daily).await, Some(3));
    }
    assert_eq!(seat(&counter, 3, &daily).await, 3);
}

#[tokio::test]
async fn keys_of_one_slot_have_the_prefix_as_hash_tag_and_share_one_step() {
    let redis = Redis::get().await;
    let config = redis.config().with_one_slot(true);
    let counter = RedisQuotaCounter::connect(&config).await.unwrap();
    let daily = daily(10);
    let other = Budget {
        key: BudgetKey {
            scope: Scope::parse("ANOTHER").unwrap(),
            ..daily.key.clone()
        },
        ..daily.clone()
    };
    for budget in [&daily, &other] {
        restore(&counter, &budget.key, &[], at()).await.unwrap();
    }
    counter.reserve(&wish(1, &[&daily, &other])).await.unwrap();
    counter.reserve(&wish(2, &[&other])).await.unwrap();
    let keys = [other.key.clone(), daily.key.clone()];
    assert_eq!(counter.usage(&keys).await.unwrap(), [Some(2), Some(1)]);
    let prefix = &redis.prefix;
    let places = format!("{prefix}:{{{prefix}}}:ANOTHER:daily:1795381200:places");
    let used = redis.run(&["HGET", &places, "used"]).await;
    assert_eq!(used.as_string().as_deref(), Some("2"));
    // Those who count by scope have keys of their own.
    assert_eq!(redis.counter().await.usage(&keys).await.unwrap(), [None; 2]);
}
