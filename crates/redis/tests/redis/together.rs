//! Reservations that go to the server in one script.

use std::collections::BTreeSet;

use futures::future::join_all;
use lemon_contracts::restore;
use lemon_domain::ports::{QuotaCounter, QuotaError, ReserveOutcome};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::{
    common::{Redis, at, daily, used, wish},
    keys,
};

/// The commands that the server is sent.
struct Monitor(BufReader<TcpStream>);

impl Monitor {
    async fn of(redis: &Redis) -> Self {
        let mut stream = TcpStream::connect(redis.server.address()).await.unwrap();
        stream.write_all(b"MONITOR\r\n").await.unwrap();
        let mut monitor = Self(BufReader::new(stream));
        assert_eq!(monitor.line().await, "+OK");
        monitor
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).await.unwrap();
        line.trim_end().to_owned()
    }

    /// How many scripts were called until now.
    async fn scripts(mut self, redis: &Redis) -> usize {
        let end = format!("{}-end", redis.prefix);
        redis.run(&["ECHO", &end]).await;
        let mut scripts = 0;
        loop {
            let line = self.line().await;
            if line.contains(&end) {
                return scripts;
            }
            let is_script = line.to_uppercase().contains("\"EVALSHA\"");
            scripts += usize::from(is_script && line.contains(&redis.prefix));
        }
    }
}

/// On one thread, all ask before the first script is sent.
#[tokio::test]
async fn holders_who_wait_are_in_one_script_and_each_gets_what_it_would_get_alone() {
    let redis = Redis::get().await;
    let (counter, daily) = (redis.counter().await, daily(100));
    restore(&counter, &daily.key, &[], at()).await.unwrap();
    let monitor = Monitor::of(&redis).await;
    // Each of the first ten asks twice.
    let users = (1..=10).chain(1..=290);
    let wishes: Vec<_> = users.map(|user| wish(user, &[&daily])).collect();
    let outcomes = join_all(wishes.iter().map(|wish| counter.reserve(wish))).await;
    let (mut seats, mut repeated, mut refused) = (Vec::new(), Vec::new(), 0);
    for (outcome, number) in outcomes.into_iter().zip(0..) {
        match outcome.unwrap() {
            ReserveOutcome::Reserved(taken) if number < 10 => repeated.push(taken[0].seat),
            ReserveOutcome::Reserved(taken) => seats.push(taken[0].seat),
            ReserveOutcome::Exhausted { state, .. } => {
                assert_eq!(state.used, 100);
                refused += 1;
            }
            ReserveOutcome::Unknown(key) => panic!("{key:?} is not known"),
        }
    }
    assert_eq!(repeated, seats[..10]);
    let distinct: BTreeSet<u32> = seats.iter().copied().collect();
    assert_eq!((seats.len(), distinct), (100, (1..=100).collect()));
    assert_eq!(refused, 190);
    assert_eq!(used(&counter, &daily).await, Some(100));
    // Five with at most 64 holders, and one that asks how much is used.
    assert_eq!(monitor.scripts(&redis).await, 6);
}

#[tokio::test]
async fn wishes_for_different_amounts_do_not_change_each_other() {
    let redis = Redis::get().await;
    let (few, many) = (daily(5), daily(20));
    let counter = redis.counter().await;
    restore(&counter, &few.key, &[], at()).await.unwrap();
    let wishes: Vec<_> = (1..=40)
        .map(|user| wish(user, &[if user % 2 == 0 { &few } else { &many }]))
        .collect();
    let outcomes = join_all(wishes.iter().map(|wish| counter.reserve(wish))).await;
    let reserved = outcomes
        .into_iter()
        .zip(&wishes)
        .filter_map(|(outcome, wish)| {
            let is_reserved = matches!(outcome.unwrap(), ReserveOutcome::Reserved(_));
            is_reserved.then_some(wish.budgets[0].limit)
        });
    let (low, high): (Vec<u32>, Vec<u32>) = reserved.partition(|limit| *limit == 5);
    assert!(low.len() <= 5, "{low:?}");
    assert_eq!(low.len() + high.len(), 20);
    assert_eq!(used(&counter, &many).await, Some(20));
}

#[tokio::test]
async fn a_spoilt_place_fails_only_the_call_of_its_holder() {
    let redis = Redis::get().await;
    let (counter, daily) = (redis.counter().await, daily(100));
    restore(&counter, &daily.key, &[], at()).await.unwrap();
    let spoilt = wish(7, &[&daily]);
    counter.reserve(&spoilt).await.unwrap();
    let [places, ..] = keys(&redis);
    redis
        .run(&["HSET", &places, spoilt.holder.as_str(), "nonsense"])
        .await;
    let wishes: Vec<_> = (1..=20).map(|user| wish(user, &[&daily])).collect();
    let outcomes = join_all(wishes.iter().map(|wish| counter.reserve(wish))).await;
    for (outcome, user) in outcomes.into_iter().zip(1..) {
        match outcome {
            Err(QuotaError::Corrupt { key, .. }) => assert_eq!((user, key), (7, places.clone())),
            outcome => assert!(
                user != 7 && matches!(outcome, Ok(ReserveOutcome::Reserved(_))),
                "{user}: {outcome:?}"
            ),
        }
    }
}

#[tokio::test]
async fn a_value_that_is_no_counter_fails_all_and_a_later_call_succeeds() {
    let redis = Redis::get().await;
    let (counter, daily) = (redis.counter().await, daily(100));
    restore(&counter, &daily.key, &[], at()).await.unwrap();
    let [places, ..] = keys(&redis);
    redis.run(&["DEL", &places]).await;
    redis.run(&["SET", &places, "text"]).await;
    let wishes: Vec<_> = (1..=20).map(|user| wish(user, &[&daily])).collect();
    for outcome in join_all(wishes.iter().map(|wish| counter.reserve(wish))).await {
        assert!(
            matches!(outcome, Err(QuotaError::Corrupt { .. })),
            "{outcome:?}"
        );
    }
    redis.run(&["DEL", &places]).await;
    let outcome = counter.reserve(&wishes[0]).await.unwrap();
    assert!(matches!(outcome, ReserveOutcome::Unknown(_)), "{outcome:?}");
}
