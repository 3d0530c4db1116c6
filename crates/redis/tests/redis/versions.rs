//! A version of this program that counts without sums and restores a window whole, on the same keys.

use lemon_contracts::restore;
use lemon_domain::{
    ports::{QuotaCounter, WindowState},
    values::{Segment, Sums},
};

use crate::{
    common::{Redis, at, daily, place, recorded, seat, used, wish},
    keys,
};

/// What it writes for a reservation.
async fn older_reserves(redis: &Redis, user: u32, taken: u32) {
    let [places, seats, _] = keys(redis);
    let (taken, holder, seat) = (taken.to_string(), format!("{user}:1"), user.to_string());
    let text = format!("{seat}:1:{}", at().timestamp_micros());
    redis
        .run(&["HSET", &places, "used", &taken, &holder, &text])
        .await;
    redis.run(&["ZADD", &seats, &seat, &holder]).await;
}

/// What it writes to restore a window of which nothing is recorded.
async fn older_restores(redis: &Redis) {
    let [places, seats, _] = keys(redis);
    redis.run(&["DEL", &places, &seats]).await;
    redis.run(&["HSET", &places, "used", "0"]).await;
}

#[tokio::test]
async fn places_counted_by_an_older_version_have_no_sums_until_they_are_restored() {
    let redis = Redis::get().await;
    let (counter, daily) = (redis.counter().await, daily(10));
    older_restores(&redis).await;
    for user in 1..=2 {
        older_reserves(&redis, user, user).await;
    }
    assert_eq!(seat(&counter, 3, &daily).await, 3);
    let found = counter.sums(&daily.key).await.unwrap();
    assert_eq!(found.state, WindowState::Open);
    assert_eq!(found.segments, [(Segment::FIRST, None)].into());

    let record = [1, 2, 3].map(place);
    let segment = recorded(&daily, &record);
    assert!(counter.restore(&segment).await.unwrap());
    let found = counter.sums(&daily.key).await.unwrap();
    let sums = Some(Sums::of(&record));
    assert_eq!(found.segments, [(Segment::FIRST, sums)].into());
}

#[tokio::test]
async fn places_added_by_an_older_version_make_the_sums_of_a_window_untrusted() {
    let redis = Redis::get().await;
    let (counter, daily) = (redis.counter().await, daily(10));
    let record = [1, 2].map(place);
    restore(&counter, &daily.key, &record, at()).await.unwrap();
    older_reserves(&redis, 3, 3).await;
    let found = counter.sums(&daily.key).await.unwrap();
    assert_eq!(found.segments, [(Segment::FIRST, None)].into());
    // It is no orphan yet: it stays, and is summed.
    let segment = recorded(&daily, &record);
    assert!(counter.restore(&segment).await.unwrap());
    let found = counter.sums(&daily.key).await.unwrap();
    let sums = Some(Sums::of(&[1, 2, 3].map(place)));
    assert_eq!(found.segments, [(Segment::FIRST, sums)].into());
    assert_eq!(used(&counter, &daily).await, Some(3));
}

#[tokio::test]
async fn sums_of_a_window_that_an_older_version_restored_are_not_trusted() {
    let redis = Redis::get().await;
    let (counter, daily) = (redis.counter().await, daily(10_000));
    let mut record = [1, 2, 3].map(place).to_vec();
    record[2].seat = Segment::SEATS + 1;
    restore(&counter, &daily.key, &record, at()).await.unwrap();
    older_restores(&redis).await;
    let found = counter.sums(&daily.key).await.unwrap();
    let nowhere = [(Segment::FIRST, None), (Segment::new(1), None)];
    assert_eq!(found.segments, nowhere.into());
    restore(&counter, &daily.key, &record, at()).await.unwrap();
    assert_eq!(used(&counter, &daily).await, Some(3));
    let found = counter.sums(&daily.key).await.unwrap();
    let sums = [&record[..2], &record[2..]].map(|places| Some(Sums::of(places)));
    let expected = [(Segment::FIRST, sums[0]), (Segment::new(1), sums[1])];
    assert_eq!(found.segments, expected.into());
}

/// By how it tells a known window: each field but one is a holder with a seat. And the field must look like a place of
/// long ago to it, or it would call the window corrupt.
#[tokio::test]
async fn an_older_version_does_not_know_a_window_that_is_being_restored() {
    let redis = Redis::get().await;
    let (counter, daily) = (redis.counter().await, daily(10));
    let id = counter
        .begin_restoration(&daily.key)
        .await
        .unwrap()
        .unwrap();
    let mut segment = recorded(&daily, &[place(1)]);
    segment.restoration = Some(id);
    assert!(counter.restore(&segment).await.unwrap());
    let [places, seats, _] = keys(&redis);
    let fields = redis.run(&["HLEN", &places]).await.as_i64().unwrap();
    let seated = redis.run(&["ZCARD", &seats]).await.as_i64().unwrap();
    assert_eq!((fields, seated), (3, 1));
    let field = redis.run(&["HGET", &places, "restoring"]).await;
    assert_eq!(field.as_string().unwrap(), format!("0:0:-{}", id.0));
}

#[tokio::test]
async fn a_window_that_an_older_version_restores_first_is_left_to_it() {
    let redis = Redis::get().await;
    let (counter, daily) = (redis.counter().await, daily(10));
    let id = counter.begin_restoration(&daily.key).await.unwrap();
    older_restores(&redis).await;
    let mut segment = recorded(&daily, &[place(1)]);
    segment.restoration = id;
    assert!(!counter.restore(&segment).await.unwrap());
    assert!(!counter.open(&daily.key, id.unwrap()).await.unwrap());
    assert_eq!(counter.begin_restoration(&daily.key).await.unwrap(), None);
    assert_eq!(seat(&counter, 1, &daily).await, 1);
    let outcome = counter.reserve(&wish(2, &[&daily])).await;
    outcome.unwrap();
    assert_eq!(used(&counter, &daily).await, Some(2));
}

#[tokio::test]
async fn a_flush_ends_a_restoration() {
    let redis = Redis::get().await;
    let (counter, daily) = (redis.counter().await, daily(10));
    let id = counter.begin_restoration(&daily.key).await.unwrap();
    let keys = keys(&redis);
    redis.run(&["DEL", &keys[0], &keys[1], &keys[2]]).await;
    let mut segment = recorded(&daily, &[place(1)]);
    segment.restoration = id;
    assert!(!counter.restore(&segment).await.unwrap());
    let next = counter.begin_restoration(&daily.key).await.unwrap();
    assert_ne!(next, id);
    assert!(!counter.restore(&segment).await.unwrap());
    assert!(!counter.open(&daily.key, id.unwrap()).await.unwrap());
    assert!(counter.open(&daily.key, next.unwrap()).await.unwrap());
    assert_eq!(used(&counter, &daily).await, Some(0));
}
