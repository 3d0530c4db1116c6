//! A window of very many places. How long a million takes is measured by `cargo xtask bench`.

use futures::future::join_all;
use lemon_tests::{Person, record_on_postgresql};

use crate::{
    outage::{number, session},
    shared::Shared,
};

/// As many as a debug build restores in some seconds.
const RECORDED: u32 = 100_000;
/// Places that are left, and people who want them.
const FREE: u32 = 5;
const PEOPLE: u32 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_window_of_a_hundred_thousand_places_is_restored_before_anybody_is_admitted() {
    let shared = Shared::without_queues().await;
    let limit = RECORDED + FREE;
    let mut system = shared
        .without_sqs()
        .env("LEMON_SERVICES__LEARN_ME__DAILY_LIMIT", &limit.to_string())
        // The longest, for a machine that does something else as well.
        .env("LEMON_STORE__DEADLINE_MS", "5000")
        .env("LEMON_QUOTA__DEADLINE_MS", "5000")
        .start()
        .await;
    let mut people = Vec::new();
    for n in 1..=PEOPLE + 1 {
        people.push(system.sign_in(n).await);
    }
    let first = people.remove(0);
    first.register(None).await.must_be(201);
    system.terminate().await;
    record_on_postgresql(shared.database.as_str(), 2..=RECORDED).await;
    shared.redis.forget(&shared.key_prefix).await;

    system.restart().await;
    assert_eq!(
        first.can_use().await.must_be(200)["register_count"],
        RECORDED
    );

    shared.redis.forget(&shared.key_prefix).await;
    let answers = join_all(people.iter().map(Person::register_as_the_web_app)).await;
    let accepted = answers.iter().filter(|answer| answer.status == 201);
    let mut positions: Vec<u64> = accepted
        .map(|answer| answer.body["register_count"].as_u64().unwrap())
        .collect();
    positions.sort_unstable();
    let free: Vec<u64> = (RECORDED + 1..=limit).map(u64::from).collect();
    assert_eq!(positions, free);
    let refused = answers
        .iter()
        .filter(|answer| answer.code() == Some("daily_quota_exhausted"));
    assert_eq!(refused.count(), (PEOPLE - FREE) as usize);
    assert_eq!(first.can_use().await.must_be(200)["register_count"], limit);
    let session = session(&shared.database).await;
    let recorded = number(&session, "SELECT count(*) FROM places").await;
    assert_eq!(recorded, i64::from(limit));
}
