//! What operators' commands show and change, on one machine: of people, of registrations, of the embedded queues.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Output;

use lemon_tests::{System, SystemBuilder, sealed_body, wait_until};
use rusqlite::{Connection, params};
use serde_json::Value;
use tempfile::TempDir;

const READY: &str = "ServiceReadyQueue";
/// With which the messages of the embedded queues are sealed.
const SEALING_KEY: &str = "k1:bGVtb25sZW1vbmxlbW9ubGVtb25sZW1vbmxlbW9ubGU=";

/// The program with a data folder that outlives a system.
fn program(folder: &TempDir) -> SystemBuilder {
    System::builder()
        .data_dir(folder.path())
        .env("LEMON_STORE__SEALING_KEYS", SEALING_KEY)
        // The workers take long: a training runs during a test.
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "3600")
        .env("LEMON_LOG__FORMAT", "json")
        .env("USER", "lemon")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What a command prints that ends with that exit code.
async fn run(program: &SystemBuilder, arguments: &[&str], code: i32) -> Output {
    let output = program.run(arguments).await;
    assert_eq!(
        output.status.code(),
        Some(code),
        "{arguments:?}: {output:?}"
    );
    output
}

async fn json(program: &SystemBuilder, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--json"]].concat();
    let output = run(program, &arguments, 0).await;
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The audit lines of a command.
fn audited(output: &Output) -> Vec<Value> {
    let lines = stderr(output);
    // The last line of a failure is its reason.
    let lines = lines
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let lines = lines.filter(|line: &Value| line["audit"] == true);
    lines.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_shown_and_deleted_while_the_program_serves() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(&folder).env("LEMON_HTTP__PROFILE_CACHE_SECONDS", "3600");
    let system = program.clone().start().await;
    let person = system.sign_in(1).await;
    person.register(None).await.must_be(201);
    let id = person.twitter_id.as_str();

    let shown = json(&program, &["people", "show", id]).await;
    assert_eq!(shown["user_id"], person.user_id);
    assert!(shown["sealing_key"].is_string(), "{shown}");
    assert_eq!(shown["registrations"][0]["state"], "training");
    assert_eq!(shown["uses"][0]["turn"], 1);
    let lines = stdout(&run(&program, &["people", "show", id], 0).await);
    let request = shown["registrations"][0]["request_id"].as_str().unwrap();
    assert!(lines.contains(request), "{lines}");

    let refused = run(&program, &["people", "delete", id], 2).await;
    assert!(stdout(&refused).contains("LEARNME"), "{refused:?}");
    assert!(stderr(&refused).contains("--yes"), "{refused:?}");
    person.profile().await.must_be(200);

    let deleted = run(&program, &["people", "delete", id, "--yes"], 0).await;
    let audit = audited(&deleted);
    assert_eq!(audit.len(), 1, "{deleted:?}");
    assert!(audit[0]["operator"].as_str().unwrap().contains("lemon"));
    assert_eq!(audit[0]["account.id"], format!("TWITTER:{id}"));
    // The deletion is another process's: this one hears of it within a second. Until then it tells the profile, which it
    // keeps for longer than this test waits.
    wait_until("the person's token is ended", async || {
        let answer = person.profile().await;
        (answer.status == 401).then_some(())
    })
    .await;
    person.services().await.must_be(401);
    person.register(None).await.must_be(401);
    let shown = json(&program, &["people", "show", id]).await;
    assert_eq!(shown["sealing_key"], Value::Null);
    assert_eq!(shown["registrations"], Value::Array(Vec::new()));
    assert_eq!(shown["uses"][0]["turn"], 1);

    let again = system.sign_in(1).await;
    assert_eq!(again.user_id, person.user_id);
    again.profile().await.must_be(200);
    again.register(None).await.must_be(429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_waits_for_a_paused_relay_is_shown_with_the_pause() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(&folder);
    run(&program, &["migrate"], 0).await;
    run(&program, &["pause", "relay"], 0).await;
    // It keeps nobody's job, and is not shown.
    run(&program, &["limits", "set", "learn_me.daily", "500"], 0).await;
    let system = program.clone().start().await;
    let person = system.sign_in(1).await;
    person.register(None).await.must_be(201);
    let show = ["people", "show", person.twitter_id.as_str()];
    let shown = json(&program, &show).await;
    assert_eq!(shown["outbox"][0]["task"], "train");
    assert_eq!(shown["paused"].as_array().unwrap().len(), 1, "{shown}");
    assert_eq!(shown["paused"][0]["part"], "relay");
    assert_eq!(shown["paused"][0]["by"], "lemon");
    let lines = stdout(&run(&program, &show, 0).await);
    assert!(lines.contains("the relay, by lemon at"), "{lines}");
    run(&program, &["resume", "relay"], 0).await;
    assert_eq!(
        json(&program, &show).await["paused"],
        Value::Array(Vec::new())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_training_is_announced_again_by_its_request_id() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(&folder);
    let system = program.clone().start().await;
    let person = system.sign_in(1).await;
    person.register(None).await.must_be(201);
    let show = ["people", "show", person.twitter_id.as_str()];
    let sent = lemon_tests::wait_until("the job is sent", async || {
        let shown = json(&program, &show).await;
        (shown["outbox"] == Value::Array(Vec::new())).then_some(shown)
    })
    .await;
    let request = sent["registrations"][0]["request_id"].as_str().unwrap();
    let retried = run(&program, &["registrations", "retry", request], 0).await;
    assert!(stdout(&retried).contains("announcement 2"), "{retried:?}");
    assert_eq!(audited(&retried)[0]["request.id"], request);
    let shown = json(&program, &show).await;
    assert_eq!(shown["registrations"][0]["announcements"], 2);
    person.delete().await.must_be(200);
    let refused = run(&program, &["registrations", "retry", request], 1).await;
    assert!(stderr(&refused).contains("no registration"), "{refused:?}");
    assert_eq!(audited(&refused), Vec::<Value>::new());
}

#[tokio::test]
async fn a_person_who_never_signed_in_and_a_database_that_is_not_set_up_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(&folder);
    let refused = run(&program, &["people", "show", "7"], 1).await;
    assert!(stderr(&refused).contains("migration"), "{refused:?}");
    run(&program, &["migrate"], 0).await;
    let refused = run(&program, &["people", "show", "7"], 1).await;
    assert!(stderr(&refused).contains("never signed in"), "{refused:?}");
    run(&program, &["people", "show", "hush"], 2).await;
}

/// Puts dead letters in the file, each with its text, as a version did that sealed none: the program seals them.
fn dead_letters(folder: &TempDir, bodies: &[&str]) -> Vec<String> {
    let file = Connection::open(folder.path().join("queue.db")).unwrap();
    let put = |(n, body): (u128, &&str)| {
        let id = uuid::Uuid::from_u128(n);
        let sealed = sealed_body(SEALING_KEY, id, body);
        file.execute(
            "INSERT INTO messages (queue, id, sent_at, visible_at, died_at, reason, sealed_for, key_id, body)
             VALUES (?1, ?2, ?3, ?3, ?3, 'not JSON', ?2, ?4, ?5)",
            params![
                format!("{READY}-dlq"),
                id.as_bytes(),
                1_000_000 * i64::try_from(n).unwrap(),
                sealed.key_id,
                sealed.data
            ],
        )
        .unwrap();
        id.to_string()
    };
    (1..).zip(bodies).map(put).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_of_embedded_queues_are_listed_redriven_and_discarded() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(&folder);
    let none = run(&program, &["queues", "stats"], 1).await;
    assert!(stderr(&none).contains("queue.db"), "{none:?}");
    let mut system = program.clone().start().await;
    let held = run(&program, &["queues", "stats"], 1).await;
    assert!(stderr(&held).contains("stop it first"), "{held:?}");
    assert!(system.terminate().await.success());

    let about = r#"{"oauth_user_id":783214,"oauth_type":"TWITTER","service_name":"LEARNME"}"#;
    let ids = dead_letters(&folder, &["token=hush", about, "third", "fourth"]);
    let listed = run(&program, &["queues", "dead-letters", READY], 0).await;
    let lines = stdout(&listed);
    assert!(
        !lines.contains("hush") && lines.contains("10 bytes"),
        "{lines}"
    );
    let letters = json(&program, &["queues", "dead-letters", READY]).await;
    let first = &letters[0];
    assert_eq!(
        (&first["twitter_id"], &first["reason"]),
        (&Value::Null, &"not JSON".into())
    );
    assert_eq!(letters[1]["twitter_id"], "783214");
    assert_eq!(letters[1]["message_id"], ids[1].as_str());

    let redriven = run(&program, &["queues", "redrive", READY, &ids[1]], 0).await;
    assert!(stdout(&redriven).contains("1 sent again"), "{redriven:?}");
    assert_eq!(audited(&redriven)[0]["message.id"], ids[1].as_str());
    let lost = ["queues", "discard", READY, &ids[0]];
    let refused = run(&program, &lost, 2).await;
    assert!(stderr(&refused).contains("--yes"), "{refused:?}");
    let discarded = run(&program, &[&lost[..], &["--yes"]].concat(), 0).await;
    assert_eq!(audited(&discarded)[0]["messages"], 1);
    let again = run(&program, &[&lost[..], &["--yes"]].concat(), 1).await;
    assert!(stderr(&again).contains("no dead letter"), "{again:?}");
    assert_eq!(audited(&again), Vec::<Value>::new());
    run(&program, &["queues", "redrive", READY], 0).await;

    let stats = json(&program, &["queues", "stats"]).await;
    let ready = stats.as_array().unwrap().iter();
    let ready = ready.clone().find(|queue| queue["queue"] == READY).unwrap();
    assert_eq!((&ready["waiting"], &ready["dead"]), (&3.into(), &0.into()));
    run(&program, &["queues", "discard", READY, "--all", "--yes"], 0).await;
    run(&program, &["queues", "discard", READY], 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_of_all_queues_are_listed_and_shown_with_their_person() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(&folder);
    let mut system = program.clone().start().await;
    let person = system.sign_in(1).await;
    let id = person.twitter_id.as_str();
    let show = ["people", "show", id];
    // The running program has the queues; the rest of the answer is there.
    let shown = json(&program, &show).await;
    assert_eq!(shown["dead_letters"], Value::Array(Vec::new()));
    let why = shown["dead_letters_unread"][0].as_str().unwrap();
    assert!(why.contains("stop it first"), "{why}");
    assert!(system.terminate().await.success());
    let shown = json(&program, &show).await;
    assert_eq!(shown["dead_letters_unread"], Value::Array(Vec::new()));

    let about = format!(r#"{{"oauth_user_id":{id},"oauth_type":"TWITTER","service_name":"HUSH"}}"#);
    let ids = dead_letters(&folder, &[&about, "token=hush"]);
    let letters = json(&program, &["queues", "dead-letters"]).await;
    assert_eq!(letters.as_array().unwrap().len(), 2, "{letters}");
    assert_eq!(letters[0]["queue"], READY);
    let lines = stdout(&run(&program, &["queues", "dead-letters"], 0).await);
    assert_eq!(lines.matches(READY).count(), 2, "{lines}");
    let shown = json(&program, &show).await;
    let found = shown["dead_letters"].as_array().unwrap();
    assert_eq!(found.len(), 1, "{shown}");
    assert_eq!(found[0]["message_id"], ids[0].as_str());
    assert_eq!(found[0]["queue"], READY);
    let lines = stdout(&run(&program, &show, 0).await);
    assert!(
        lines.contains(&ids[0]) && lines.contains("dead letter"),
        "{lines}"
    );
    assert!(
        !lines.contains("hush") && !lines.contains("HUSH"),
        "{lines}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_shown_although_no_queue_answers() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(&folder);
    let mut system = program.clone().start().await;
    let person = system.sign_in(1).await;
    assert!(system.terminate().await.success());
    let away = program
        .env("LEMON_QUEUE__URL", "sqs")
        .env("LEMON_QUEUE__DEADLINE_MS", "300")
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test");
    let show = ["people", "show", person.twitter_id.as_str()];
    let shown = json(&away, &show).await;
    assert_eq!(shown["user_id"], person.user_id);
    let unread = shown["dead_letters_unread"].as_array().unwrap();
    assert_eq!(unread.len(), 4, "one for each queue: {shown}");
    let lines = stdout(&run(&away, &show, 0).await);
    assert_eq!(
        lines.matches("unknown        further dead letters").count(),
        4,
        "{lines}"
    );
    // A list of dead letters that misses some is no success.
    let listed = run(&away, &["queues", "dead-letters"], 1).await;
    assert!(stderr(&listed).contains(READY), "{listed:?}");
}

#[tokio::test]
async fn only_sqs_needs_queues_to_be_made() {
    let folder = tempfile::tempdir().unwrap();
    let refused = run(&program(&folder), &["queues", "create"], 2).await;
    assert!(stderr(&refused).contains("queue.url"), "{refused:?}");
}
