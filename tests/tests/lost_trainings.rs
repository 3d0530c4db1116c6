//! Workers that never finish, and what becomes of those who wait for them.

use lemon_tests::{Person, System, wait_until};
use serde_json::Value;

/// A system whose stand-in workers take an hour, and are given so many times a second.
async fn system(attempts: &str) -> System {
    System::builder()
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "3600")
        .env("LEMON_SERVICES__LEARN_ME__DAILY_LIMIT", "1")
        .env("LEMON_SERVICES__LEARN_ME__TRAINING_DEADLINE_SECONDS", "1")
        .env("LEMON_SERVICES__LEARN_ME__TRAINING_ATTEMPTS", attempts)
        .start()
        .await
}

async fn wait_until_failed(person: &Person) {
    wait_until("the training has failed", async || {
        let listed = person.services().await.must_be(200);
        (listed[0]["state"] == "failed").then_some(())
    })
    .await;
}

/// The request ids of the lines that say this.
fn requests(system: &System, message: &str) -> Vec<String> {
    let lines = system.log_lines();
    let lines = lines
        .iter()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["message"] == message && line["task"] != "delete")
        .filter_map(|line| line["request.id"].as_str().map(ToOwned::to_owned))
        .collect()
}

#[tokio::test]
async fn a_training_that_is_lost_is_announced_again_and_then_everything_is_given_back() {
    let system = system("2").await;
    let person = system.sign_in(1).await;
    person.register(None).await.must_be(201);
    let listed = person.services().await.must_be(200);
    assert_eq!(listed[0]["ready"], false);
    wait_until_failed(&person).await;

    // The state shows before the program has said so.
    let failed = wait_until("the log says so", async || {
        let failed = "a training has failed: the workers did not finish it";
        Some(requests(&system, failed)).filter(|failed| !failed.is_empty())
    })
    .await;
    assert_eq!(failed.len(), 1);
    let again = "a training is overdue, so it was announced to the workers again";
    assert_eq!(requests(&system, again), failed);
    let sent = requests(&system, "a job is sent");
    assert_eq!(sent, [failed[0].clone(), failed[0].clone()]);
    wait_until("it is counted", async || {
        let metrics = system.client().get(system.ops_url("/metrics"));
        let metrics = metrics.send().await.expect("an answer").text().await;
        let counted = r#"lemon_trainings_total{service="LEARNME",outcome="failed"} 1"#;
        metrics.expect("a text").contains(counted).then_some(())
    })
    .await;

    // The place of the day is free, once the counter has it back, and no cooldown runs.
    wait_until("the place is free", async || {
        let can_use = person.can_use().await.must_be(200);
        (can_use["can_use"] == true).then_some(())
    })
    .await;
    let registered = person.register(None).await.must_be(201);
    assert_eq!(registered["register_count"], 1);
    assert_eq!(registered["register_limit"], 1);
}

#[tokio::test]
async fn a_wrong_deadline_is_refused_at_the_start() {
    for (key, value, fault) in [
        ("TRAINING_DEADLINE_SECONDS", "0", "from 1 to 2592000"),
        ("TRAINING_ATTEMPTS", "0", "from 1 to 100"),
    ] {
        let builder = System::builder().env(&format!("LEMON_SERVICES__LEARN_ME__{key}"), value);
        let output = builder.run(&["check"]).await;
        assert_eq!(output.status.code(), Some(2));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains(fault), "{told}");
    }
}
