//! The process is killed in the middle of it, and nothing is lost or doubled.

use futures::future::join_all;
use lemon_tests::{Person, System, wait_until};

async fn notified_once(person: &Person) {
    wait_until("the notification has come", async || {
        (!person.notifications().await.is_empty()).then_some(())
    })
    .await;
    assert_eq!(person.notifications().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_in_the_middle_of_a_crowd_the_count_is_exact() {
    let mut system = System::builder()
        .env("LEMON_SERVICES__LEARN_ME__DAILY_LIMIT", "40")
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "0")
        .start()
        .await;
    let mut people = Vec::new();
    for n in 1..=60 {
        people.push(system.sign_in(n).await);
    }

    let crowd = join_all(people.iter().map(Person::register_as_the_web_app));
    let crash = async {
        wait_until("some have registered", async || {
            let taken = people[0].can_use().await.body["register_count"].as_u64();
            (taken >= Some(5)).then_some(())
        })
        .await;
        system.kill().await;
        system.restart().await;
    };
    let (answers, ()) = tokio::join!(crowd, crash);

    let accepted = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(accepted, 40, "{answers:?}");
    for (person, answer) in people.iter().zip(answers) {
        let listed = person.services().await.must_be(200);
        assert_eq!(
            listed.as_array().unwrap().len(),
            usize::from(answer.status == 201)
        );
        if answer.status == 201 {
            person.wait_until_ready().await;
            notified_once(person).await;
        }
    }
    assert_eq!(people[0].can_use().await.must_be(200)["register_count"], 40);
}

#[tokio::test]
async fn after_a_kill_during_a_training_the_training_becomes_ready() {
    let mut system = System::builder()
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "1")
        .env("LEMON_QUEUE__VISIBILITY_SECONDS", "2")
        .start()
        .await;
    let person = system.sign_in(1).await;
    person.register(None).await.must_be(201);
    system.kill().await;
    system.restart().await;
    // The JWT and the stored Twitter token are as good as before.
    person.profile().await.must_be(200);
    assert_eq!(person.can_use().await.must_be(200)["register_count"], 1);
    person.wait_until_ready().await;
    notified_once(&person).await;
}

#[tokio::test]
async fn after_repeated_kills_each_person_is_notified_once() {
    let mut system = System::builder()
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "0")
        .env("LEMON_QUEUE__VISIBILITY_SECONDS", "2")
        .start()
        .await;
    let mut people = Vec::new();
    for n in 1..=5 {
        let person = system.sign_in(n).await;
        person.register(None).await.must_be(201);
        people.push(person);
        system.kill().await;
        system.restart().await;
    }
    for person in &people {
        person.wait_until_ready().await;
        notified_once(person).await;
    }
    assert_eq!(people[0].can_use().await.must_be(200)["register_count"], 5);
}

#[tokio::test]
async fn a_stop_finishes_the_work_in_flight_and_exits_with_success() {
    let mut system = System::builder()
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "0")
        .start()
        .await;
    let person = system.sign_in(1).await;
    person.register(None).await.must_be(201);
    let status = system.terminate().await;
    assert!(status.success(), "{status}");
    system.restart().await;
    person.wait_until_ready().await;
    notified_once(&person).await;
}
