//! Queues on SQS, as an operator sees them.

use std::process::Output;

use lemon_tests::{System, wait_until};
use serde_json::Value;

use crate::shared::Shared;

fn said(output: &Output) -> String {
    let said = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8(said).unwrap()
}

/// What a command says that succeeds.
async fn succeed(shared: &Shared, arguments: &[&str]) -> String {
    let output = shared.on_sqs(System::builder()).run(arguments).await;
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_queues_stop_the_start_and_are_made_by_a_command() {
    let shared = Shared::without_queues().await;
    let exit = shared.first().try_start().await.err().unwrap();
    assert_eq!(exit.status.code(), Some(1), "{exit}");
    let last = exit.log.last().unwrap();
    for role in ["train", "ready", "ready-dlq", "notify", "delete"] {
        assert!(last.contains(&shared.queue(role)), "{last}");
    }
    let stats = shared
        .on_sqs(System::builder())
        .run(&["queues", "stats"])
        .await;
    assert_eq!(stats.status.code(), Some(1), "{}", said(&stats));
    assert_eq!(said(&stats).matches("does not exist").count(), 4);
    let made = succeed(&shared, &["queues", "create"]).await;
    assert_eq!(made.matches(" created\n").count(), 4, "{made}");
    let again = succeed(&shared, &["queues", "create"]).await;
    assert_eq!(again.matches("as it should be").count(), 1, "{again}");
    assert_eq!(again.matches("is there").count(), 3, "{again}");
    let audited = again.matches("audit").count();
    assert_eq!(
        (made.matches("audit").count(), audited),
        (4, 0),
        "{made}{again}"
    );
    let stats = succeed(&shared, &["queues", "stats"]).await;
    for role in ["train", "ready", "notify", "delete"] {
        assert!(stats.contains(&shared.queue(role)), "{stats}");
    }
    let checked = succeed(&shared, &["check"]).await;
    assert!(checked.contains("queue          ok, sqs"), "{checked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_ready_message_is_shown_with_its_reason_and_can_be_sent_again() {
    let shared = Shared::new().await;
    let system = shared.first().start().await;
    let ready = shared.queue("ready");
    shared.sqs.send(&ready, "garbage").await;
    let show = ["queues", "dead-letters", &ready];
    let letters = wait_until("the message is dead-lettered", async || {
        let letters = succeed(&shared, &show).await;
        (!letters.is_empty()).then_some(letters)
    })
    .await;
    assert!(letters.contains("7 bytes"), "{letters}");
    assert!(!letters.contains("garbage"), "{letters}");
    // Without a name, those of all queues are shown.
    let all = succeed(&shared, &["queues", "dead-letters"]).await;
    assert!(all.contains("7 bytes") && all.contains(&ready), "{all}");
    // Who registers meanwhile is served.
    let person = system.sign_in(1).await;
    person.register(None).await.must_be(201);
    person.wait_until_ready().await;
    drop(system);
    let id = letters.split_whitespace().next().unwrap();
    let sent = succeed(&shared, &["queues", "redrive", &ready, id]).await;
    assert!(sent.contains("1 sent again"), "{sent}");
    assert_eq!(succeed(&shared, &show).await, "");
    let sent = succeed(&shared, &["queues", "redrive", &ready]).await;
    assert!(sent.contains("0 sent again"), "{sent}");
}

/// What `cloudformation.json` says of a queue, as `queues stats` would.
fn described(template: &Value) -> Vec<String> {
    let resources = template["Resources"].as_object().unwrap().values();
    let mut queues: Vec<_> = resources
        .map(|resource| &resource["Properties"])
        .filter(|queue| queue["RedrivePolicy"].is_object())
        .map(|queue| {
            let days = queue["MessageRetentionPeriod"].as_u64().unwrap() / 86_400;
            format!(
                "{} 0 0 0 {} s {days} d {}",
                queue["QueueName"].as_str().unwrap(),
                queue["VisibilityTimeout"],
                queue["RedrivePolicy"]["maxReceiveCount"]
            )
        })
        .collect();
    queues.sort_unstable();
    queues
}

#[tokio::test(flavor = "multi_thread")]
async fn the_template_for_aws_describes_the_queues_that_the_command_makes() {
    let template = include_str!("../../../deploy/queues/cloudformation.json");
    let template: Value = serde_json::from_str(template).unwrap();
    let shared = Shared::without_queues().await;
    let system = shared.on_sqs_with_the_usual_names(System::builder());
    let made = system.run(&["queues", "create"]).await;
    assert!(made.status.success(), "{}", said(&made));
    let stats = said(&system.run(&["queues", "stats"]).await);
    let lines = stats.lines().skip(1);
    let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    assert_eq!(words.collect::<Vec<_>>(), described(&template));
    for name in ["TweetGetRequestQueue", "ServiceReadyQueue-dlq"] {
        let named = |queue: &Value| queue["Properties"]["QueueName"] == name;
        assert!(
            template["Resources"]
                .as_object()
                .unwrap()
                .values()
                .any(named)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_in_the_log_at_any_level() {
    let shared = Shared::new().await;
    let system = shared
        .first()
        .env("LEMON_LOG__FILTER", "trace")
        .start()
        .await;
    let person = system.sign_in(1).await;
    person.register(None).await.must_be(201);
    person.wait_until_ready().await;
    // The sandbox's access tokens begin as Twitter's do: the person's number, a hyphen.
    let token = format!("{}-", person.twitter_id);
    let jwt = person.token.as_str();
    let lines = system.log_lines();
    assert!(lines.iter().any(|line| line.contains("DEBUG")));
    for line in lines {
        assert!(!line.contains(&token) && !line.contains(jwt), "{line}");
    }
}
