//! One person, from signing in to the last trace gone.

use std::process::Command;

use lemon_tests::{System, binary, wait_until};
use serde_json::{Value, json};

#[tokio::test]
async fn a_person_signs_in_registers_is_notified_once_and_leaves() {
    let system = System::builder()
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "1")
        .start()
        .await;
    let person = system.sign_in(1).await;

    let profile = person.profile().await.must_be(200);
    assert!(
        profile["screen_name"]
            .as_str()
            .is_some_and(|name| !name.is_empty())
    );
    assert!(
        profile["profile_image_url"]
            .as_str()
            .unwrap()
            .contains("_400x400")
    );

    let free = person.can_use().await.must_be(200);
    assert_eq!(free["can_use"], true);
    assert_eq!(free["register_count"], 0);
    assert_eq!(free["register_limit"], 400);
    assert_eq!(free["can_use_time"], Value::Null);
    let registered = person.register(None).await.must_be(201);
    assert_eq!(
        registered,
        json!({"register_count": 1, "register_limit": 400})
    );
    let listed = person.services().await.must_be(200);
    assert_eq!(listed[0]["service_type"], "LEARNME");
    assert_eq!(listed[0]["ready"], false);
    assert_eq!(person.can_use().await.must_be(200)["register_count"], 1);

    person.wait_until_ready().await;
    let posts = wait_until("the notification has come", async || {
        let posts = person.notifications().await;
        (!posts.is_empty()).then_some(posts)
    })
    .await;
    assert_eq!(posts.len(), 1);

    assert_eq!(person.set_public(true).await.must_be(200)["public"], true);
    person.delete().await.must_be(200);
    assert_eq!(person.services().await.must_be(200), json!([]));
    assert_eq!(person.register(None).await.code(), Some("cooldown_active"));
    assert_eq!(person.can_use().await.must_be(200)["register_count"], 1);
    person.delete().await.must_be(200);
}

#[tokio::test]
async fn after_the_cooldown_it_trains_again_and_stays_ready_meanwhile() {
    let system = System::builder()
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "1")
        .env("LEMON_SERVICES__LEARN_ME__COOLDOWN_SECONDS", "1")
        .start()
        .await;
    let person = system.sign_in(2).await;
    person.register(None).await.must_be(201);
    person.wait_until_ready().await;
    let again = wait_until("the cooldown is over", async || {
        let answer = person.register(None).await;
        (answer.status == 201).then_some(answer)
    })
    .await;
    assert_eq!(again.body["register_count"], 2);
    assert_eq!(person.services().await.must_be(200)[0]["ready"], true);
    assert_eq!(person.can_use().await.must_be(200)["register_count"], 2);
}

#[tokio::test]
async fn a_second_service_needs_a_section_and_works_independently() {
    let system = System::builder()
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "0")
        .draw_me()
        .start()
        .await;
    for n in 1..=10 {
        let person = system.sign_in(n).await;
        person.register_to_be_drawn().await.must_be(201);
        person.register(None).await.must_be(201);
        wait_until("both are ready, and each is told", async || {
            let listed = person.services().await.must_be(200);
            let ready = |i: usize| listed[i]["ready"] == true;
            let told = person.notifications().await;
            (ready(0) && ready(1) && told.len() == 2).then_some(())
        })
        .await;
        let told: Vec<String> = person
            .notifications()
            .await
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(
            told.iter()
                .any(|post| post.contains("Your picture is drawn.")),
            "{told:?}"
        );
        assert!(
            told.iter().any(|post| post.contains("Learn Me")),
            "{told:?}"
        );
    }
}

#[tokio::test]
async fn a_repeated_call_with_its_key_gets_the_same_answer() {
    let system = System::builder().start().await;
    let person = system.sign_in(3).await;
    let first = person.register(Some("attempt-1")).await.must_be(201);
    assert_eq!(person.register(Some("attempt-1")).await.must_be(201), first);
    assert_eq!(
        person.register(Some("attempt-2")).await.code(),
        Some("cooldown_active")
    );
    assert_eq!(person.can_use().await.must_be(200)["register_count"], 1);
}

#[tokio::test]
async fn no_token_is_readable_in_the_store_or_the_log() {
    let system = System::builder()
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "0")
        .env("LEMON_LOG__FILTER", "debug")
        .start()
        .await;
    let person = system.sign_in(4).await;
    person.register(None).await.must_be(201);
    person.wait_until_ready().await;

    // The sandbox's access tokens begin as Twitter's do: the person's number, a hyphen.
    let token = format!("{}-", person.twitter_id);
    let jwt = person.token.as_str();
    for line in system.log_lines() {
        assert!(!line.contains(&token) && !line.contains(jwt), "{line}");
    }
    let mut files = 0;
    for file in std::fs::read_dir(system.data_dir()).unwrap() {
        let file = file.unwrap().path();
        if file
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("lemon.db"))
        {
            let content = std::fs::read(&file).unwrap();
            let found = content
                .windows(token.len())
                .any(|bytes| bytes == token.as_bytes());
            assert!(!found, "a token in {}", file.display());
            files += 1;
        }
    }
    assert!(files > 0, "the store has its files");
}

#[tokio::test]
async fn the_demo_makes_the_journey_and_prints_its_steps() {
    let output = tokio::task::spawn_blocking(|| {
        Command::new(binary())
            .arg("demo")
            .env_clear()
            .output()
            .unwrap()
    })
    .await
    .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{log}");
    assert!(said.contains("today's 1 of 400"), "{said}");
    assert!(said.contains("one notification"), "{said}");
}

#[tokio::test]
async fn services_share_a_budget() {
    let system = System::builder().shared_reads().start().await;
    let people = [system.sign_in(1).await, system.sign_in(2).await];
    for person in &people {
        person.register(None).await.must_be(201);
        // 30 + 20 twice.
        person.register_to_be_drawn().await.must_be(201);
    }
    let late = system.sign_in(3).await;
    for refused in [late.register(None).await, late.register_to_be_drawn().await] {
        assert_eq!(
            (refused.status, refused.code()),
            (429, Some("quota_exhausted"))
        );
        let limit = refused.header("ratelimit").unwrap();
        assert!(limit.starts_with("\"reads\";r=0;t="), "{limit}");
    }
    let availability = late.can_use().await.must_be(200);
    assert_eq!(availability["can_use"], false);
    assert_eq!(availability["register_count"], 2);
}
