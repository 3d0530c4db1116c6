//! Many people on several replicas.

use std::collections::{BTreeMap, BTreeSet};

use futures::{
    StreamExt,
    future::{join_all, try_join_all},
    stream,
};
use lemon_tests::{Person, System, wait_until};

use crate::shared::Shared;

/// The requests whose training job was sent by any of them.
fn sent_jobs(systems: &[System]) -> BTreeSet<String> {
    systems.iter().flat_map(System::sent_trainings).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_2000_people_on_three_replicas_exactly_400_get_a_place() {
    let shared = Shared::new().await;
    let first = shared.first().start().await;
    let others = (0..2).map(|_| shared.another(&first).try_start());
    let others = try_join_all(others).await.unwrap();
    let systems: Vec<System> = [first].into_iter().chain(others).collect();
    let people: Vec<Person> = stream::iter(1..=2000)
        .map(|n| systems[0].sign_in(n))
        .buffer_unordered(16)
        .collect()
        .await;
    let people: Vec<Person> = people
        .iter()
        .zip(systems.iter().cycle())
        .map(|(person, system)| person.at(system))
        .collect();

    let answers = join_all(people.iter().map(Person::register_as_the_web_app)).await;

    let accepted = answers.iter().filter(|answer| answer.status == 201);
    let positions: BTreeSet<u64> = accepted
        .map(|answer| answer.body["register_count"].as_u64().unwrap())
        .collect();
    assert_eq!(positions, (1..=400).collect());
    let mut outcomes = BTreeMap::new();
    for answer in &answers {
        *outcomes.entry((answer.status, answer.code())).or_insert(0) += 1;
    }
    let expected = [
        ((201, None), 400),
        ((429, Some("daily_quota_exhausted")), 1600),
    ];
    assert_eq!(outcomes, expected.into());
    for person in &people[..3] {
        let availability = person.can_use().await.must_be(200);
        assert_eq!(availability["register_count"], 400);
        assert_eq!(availability["can_use"], false);
    }
    wait_until("400 jobs were sent", async || {
        (sent_jobs(&systems).len() == 400).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counter_that_was_flushed_is_restored_before_anybody_is_admitted() {
    let shared = Shared::new().await;
    let system = shared
        .first()
        .env("LEMON_SERVICES__LEARN_ME__DAILY_LIMIT", "3")
        .start()
        .await;
    for n in 1..=2 {
        system.sign_in(n).await.register(None).await.must_be(201);
    }
    shared.redis.forget(&shared.key_prefix).await;
    let third = system.sign_in(3).await;
    let registered = third.register(None).await.must_be(201);
    assert_eq!(registered["register_count"], 3);
    let fourth = system.sign_in(4).await;
    let refused = fourth.register(None).await;
    assert_eq!(refused.code(), Some("daily_quota_exhausted"));
}
