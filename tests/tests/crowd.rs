//! More people than places.

use std::collections::BTreeSet;

use futures::{StreamExt, future::join_all, stream};
use lemon_tests::{Person, System, wait_until};

/// Signs so many people in, a few at a time.
async fn sign_in(system: &System, people: u32) -> Vec<Person> {
    stream::iter(1..=people)
        .map(|n| system.sign_in(n))
        .buffer_unordered(16)
        .collect()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_500_people_at_once_exactly_400_get_a_place() {
    let system = System::builder()
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "0")
        .start()
        .await;
    let people = sign_in(&system, 500).await;

    let answers = join_all(people.iter().map(Person::register_as_the_web_app)).await;

    let accepted: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 201)
        .collect();
    let refused: Vec<_> = answers
        .iter()
        .filter(|answer| answer.code() == Some("daily_quota_exhausted"))
        .collect();
    assert_eq!((accepted.len(), refused.len()), (400, 100));
    let positions: BTreeSet<u64> = accepted
        .iter()
        .map(|answer| answer.body["register_count"].as_u64().unwrap())
        .collect();
    assert_eq!(positions, (1..=400).collect());
    assert!(refused.iter().all(|answer| answer.status == 429));
    assert!(
        refused
            .iter()
            .all(|answer| answer.header("retry-after").is_some())
    );

    let availability = people[0].can_use().await.must_be(200);
    assert_eq!(availability["register_count"], 400);
    assert_eq!(availability["can_use"], false);
    let mut registered = 0;
    for person in &people {
        registered += person
            .services()
            .await
            .must_be(200)
            .as_array()
            .unwrap()
            .len();
    }
    assert_eq!(registered, 400);
    wait_until("400 jobs were sent", async || {
        (system.sent_trainings().len() == 400).then_some(())
    })
    .await;

    for (person, answer) in people.iter().zip(&answers) {
        if answer.status == 201 {
            person.wait_until_ready().await;
        }
    }
    assert_eq!(system.sent_trainings().len(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_calls_twenty_times_at_once_gets_one_place() {
    let system = System::builder()
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "0")
        .start()
        .await;
    let person = system.sign_in(1).await;
    let answers = join_all((0..20).map(|_| person.register(None))).await;
    let accepted = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(accepted, 1, "{answers:?}");
    assert!(
        answers
            .iter()
            .all(|a| a.status == 201 || a.code() == Some("cooldown_active"))
    );
    assert_eq!(person.can_use().await.must_be(200)["register_count"], 1);
    person.wait_until_ready().await;
}
