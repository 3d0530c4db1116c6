//! What operators do while the system runs.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Output;

use lemon_tests::{System, SystemBuilder, wait_until};
use reqwest::StatusCode;
use rusqlite::Connection;
use serde_json::{Value, json};

/// The exit code, stdout, and the last line of stderr.
fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    let stderr = text(&output.stderr);
    let last = stderr.lines().last().unwrap_or_default().to_owned();
    (output.status.code().unwrap(), text(&output.stdout), last)
}

/// What a command that must succeed has printed.
async fn done(system: &System, arguments: &[&str]) -> String {
    let (code, stdout, last) = said(&system.run(arguments).await);
    assert_eq!(code, 0, "{arguments:?}: {last}");
    stdout
}

/// The last line of a command that must refuse.
async fn refused(system: &System, arguments: &[&str]) -> String {
    let (code, _, last) = said(&system.run(arguments).await);
    assert_eq!(code, 2, "{arguments:?}: {last}");
    last
}

fn places(limit: u32) -> SystemBuilder {
    System::builder().env("LEMON_SERVICES__LEARN_ME__DAILY_LIMIT", &limit.to_string())
}

async fn can_use(system: &System) -> Value {
    let url = system.url("/api/service/learn_me/can-use");
    let answer = system.client().get(url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.unwrap()
}

async fn ready(system: &System) -> (StatusCode, Value) {
    let url = system.ops_url("/health/ready");
    let answer = system.client().get(url).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_process_that_is_asked_to_end_is_not_ready_and_still_serves_for_a_while() {
    let mut system = System::builder()
        .env("LEMON_HTTP__DRAIN_SECONDS", "3")
        .start()
        .await;
    assert_eq!(ready(&system).await.0, StatusCode::OK);
    system.ask_to_end();
    wait_until("it drains", async || {
        let (status, body) = ready(&system).await;
        (status == StatusCode::SERVICE_UNAVAILABLE).then(|| assert_eq!(body["code"], "draining"))
    })
    .await;
    assert_eq!(can_use(&system).await["can_use"], true);
    assert!(system.ended().await.success());
}

#[tokio::test]
async fn a_second_signal_ends_the_drain() {
    let mut system = System::builder()
        // Longer than a test waits.
        .env("LEMON_HTTP__DRAIN_SECONDS", "3600")
        .start()
        .await;
    system.ask_to_end();
    wait_until("it drains", async || {
        (ready(&system).await.0 == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    assert!(system.terminate().await.success());
}

#[tokio::test]
async fn health_asks_the_process_that_serves() {
    let mut system = System::builder().start().await;
    let healthy = done(&system, &["health"]).await;
    assert!(healthy.contains("ready"), "{healthy}");
    done(&system, &["health", "--live"]).await;
    system.terminate().await;
    let (code, _, last) = said(&system.run(&["health"]).await);
    assert_eq!(code, 1, "{last}");
}

#[tokio::test]
async fn a_limit_is_raised_while_the_system_runs_and_stays_after_a_restart() {
    let mut system = places(1).start().await;
    let (first, second) = (system.sign_in(1).await, system.sign_in(2).await);
    first.register(None).await.must_be(201);
    second.register(None).await.must_be(429);
    done(&system, &["limits", "set", "learn_me.daily", "2"]).await;
    wait_until("the limit is in force", async || {
        (can_use(&system).await["register_limit"] == 2).then_some(())
    })
    .await;
    let registered = second.register(None).await.must_be(201);
    assert_eq!(
        registered,
        json!({ "register_count": 2, "register_limit": 2 })
    );
    system.restart().await;
    assert_eq!(can_use(&system).await["register_limit"], 2);
    let shown = done(&system, &["limits", "show", "--json"]).await;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown[0]["budget"], "learn_me.daily");
    assert_eq!(
        (&shown[0]["limit"], &shown[0]["configured"]),
        (&json!(2), &json!(1))
    );
    done(&system, &["limits", "clear", "learn_me.daily"]).await;
    wait_until("the configured limit is in force", async || {
        let now = can_use(&system).await;
        (now["register_limit"] == 1 && now["can_use"] == false).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_wrong_name_or_number_is_refused_with_the_right_ones() {
    let system = System::builder()
        .env("LEMON_SERVICES__LEARN_ME__BUDGETS__READS__LIMIT", "90")
        .env("LEMON_SERVICES__LEARN_ME__BUDGETS__READS__UNITS", "30")
        .start()
        .await;
    let line = refused(&system, &["limits", "set", "learn_me.nonsense", "1"]).await;
    assert!(line.contains("learn_me.daily, learn_me.reads"), "{line}");
    let line = refused(&system, &["limits", "set", "learn_me.reads", "29"]).await;
    assert!(line.contains("30 unit(s)"), "{line}");
    for (budget, limit, most) in [
        ("learn_me.daily", "10000001", "10000000"),
        ("learn_me.reads", "1000000001", "1000000000"),
    ] {
        let line = refused(&system, &["limits", "set", budget, limit]).await;
        assert!(line.ends_with(&format!("from 0 to {most}")), "{line}");
    }
    let line = refused(&system, &["pause", "draw_me"]).await;
    assert!(line.contains("learn_me"), "{line}");
    assert_eq!(done(&system, &["pause"]).await, "");
}

#[tokio::test]
async fn a_paused_service_takes_no_registrations_until_it_is_resumed() {
    let system = places(5).start().await;
    let person = system.sign_in(1).await;
    done(&system, &["pause", "learn_me"]).await;
    wait_until("it is paused", async || {
        (can_use(&system).await["can_use"] == false).then_some(())
    })
    .await;
    let problem = person.register(None).await.must_be(503);
    assert_eq!(problem["code"], "service_paused");
    assert!(done(&system, &["pause"]).await.starts_with("learn_me"));
    done(&system, &["resume", "learn_me"]).await;
    wait_until("it is resumed", async || {
        (can_use(&system).await["can_use"] == true).then_some(())
    })
    .await;
    person.register(None).await.must_be(201);
}

#[tokio::test]
async fn a_paused_relay_leaves_jobs_in_the_outbox_until_it_is_resumed() {
    let system = places(5)
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "0")
        .start()
        .await;
    let person = system.sign_in(1).await;
    done(&system, &["pause", "relay"]).await;
    wait_until("it is paused", async || {
        let lines = system.log_lines();
        lines
            .iter()
            .any(|line| line.contains("a part is paused"))
            .then_some(())
    })
    .await;
    person.register(None).await.must_be(201);
    let (rows, sent) = (outbox(&system), system.sent_trainings());
    assert_eq!((rows, sent.len()), (1, 0));
    done(&system, &["resume", "relay"]).await;
    person.wait_until_ready().await;
    // The training is ready with the row of its notification.
    wait_until("all is sent", async || (outbox(&system) == 0).then_some(())).await;
}

fn database(system: &System) -> Connection {
    Connection::open(system.data_dir().join("lemon.db")).unwrap()
}

fn outbox(system: &System) -> i64 {
    let count = "SELECT count(*) FROM outbox";
    let db = database(system);
    db.query_row(count, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn migrations_are_shown_and_taken_back_only_on_purpose_and_while_nobody_serves() {
    let mut system = System::builder().start().await;
    let status = done(&system, &["migrate", "status", "--json"]).await;
    let status: Value = serde_json::from_str(&status).unwrap();
    let applied = status["applied"].as_array().unwrap().len();
    assert_eq!(
        (&status["missing"], &status["newer"]),
        (&json!([]), &json!([]))
    );
    assert_eq!(status["replicas"].as_array().unwrap().len(), 1);
    let line = refused(&system, &["migrate", "down", "--yes"]).await;
    assert!(line.contains("replicas serve"), "{line}");
    system.terminate().await;
    let (code, plan, line) = said(&system.run(&["migrate", "down"]).await);
    assert_eq!(code, 2);
    assert!(
        plan.contains("_job_tickets") && line.contains("--yes"),
        "{plan}: {line}"
    );
    let line = refused(&system, &["migrate", "down", "--yes", "--steps", "99"]).await;
    assert!(
        line.contains(&format!("only {applied} migration(s)")),
        "{line}"
    );
    done(&system, &["migrate", "down", "--yes"]).await;
    let status = done(&system, &["migrate", "status"]).await;
    assert!(status.contains("missing"), "{status}");
    done(&system, &["migrate"]).await;
    system.restart().await;
}

#[tokio::test]
async fn a_program_goes_on_beside_a_newer_database_unless_that_says_otherwise() {
    let mut system = places(5).start().await;
    let newer = "INSERT INTO lemon_migrations VALUES ('m29991231_000001_newer', 0); \
                 CREATE TABLE newer (id integer PRIMARY KEY)";
    system.terminate().await;
    database(&system).execute_batch(newer).unwrap();
    system.restart().await;
    let person = system.sign_in(1).await;
    person.register(None).await.must_be(201);
    let status = done(&system, &["migrate", "status"]).await;
    assert!(
        status.contains("newer          m29991231_000001_newer"),
        "{status}"
    );
    system.terminate().await;
    let line = said(&system.run(&["migrate", "down", "--yes"]).await).2;
    assert!(line.contains("newer program"), "{line}");
    let contract = "UPDATE lemon_compatibility SET needs = 'm29991231_000001_newer'";
    database(&system).execute_batch(contract).unwrap();
    for command in ["serve", "check", "migrate"] {
        let (code, stdout, last) = said(&system.run(&[command]).await);
        let told = format!("{stdout}{last}");
        assert_eq!(code, 1, "{command}: {told}");
        assert!(told.contains("m29991231_000001_newer"), "{command}: {told}");
    }
}

#[tokio::test]
async fn a_start_that_is_refused_changes_nothing_and_check_says_the_same() {
    let mut system = System::builder().start().await;
    system.sign_in(1).await;
    system.terminate().await;
    done(&system, &["migrate", "down", "--yes"]).await;
    done(&system, &["migrate"]).await;
    let before = system.run(&["migrate", "status"]).await.stdout;
    database(&system)
        .execute_batch("UPDATE accounts SET credentials_key_id = 'gone'")
        .unwrap();
    for _ in 0..2 {
        let (code, _, served) = said(&system.run(&["serve"]).await);
        assert_eq!(code, 2, "{served}");
        let sentence = served.strip_prefix("lemon-toolbox: ").unwrap();
        assert!(
            sentence.contains("store.sealing_keys") && sentence.contains("gone"),
            "{served}"
        );
        let checked = said(&system.run(&["check"]).await).1;
        assert!(checked.contains(sentence), "{checked}");
    }
    assert_eq!(system.run(&["migrate", "status"]).await.stdout, before);
}

#[tokio::test]
async fn check_warns_of_a_port_that_another_program_has() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().to_string();
    let elsewhere = System::builder().env("LEMON_HTTP__LISTEN", &taken);
    let checked = said(&elsewhere.run(&["check"]).await);
    assert_eq!(checked.0, 0, "{checked:?}");
    assert!(
        checked.1.contains(&format!("cannot listen on {taken}")),
        "{checked:?}"
    );
}

#[tokio::test]
async fn a_database_that_is_behind_is_left_alone_if_starts_never_migrate() {
    let started = System::builder()
        .env("LEMON_STORE__MIGRATE", "never")
        .try_start();
    let mut exit = started.await.err().unwrap();
    let line = exit.log.pop().unwrap();
    assert!(
        line.contains("store.migrate") && line.contains("migrate`"),
        "{line}"
    );
}
