//! Stops while a neighbour is away: they end in time, answer who calls, and cost no message anything.

use lemon_test_servers::Link;
use lemon_tests::{System, SystemBuilder, wait_until};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use tempfile::TempDir;

use crate::{
    outage::{number, session},
    shared::Shared,
};

/// A training that never ends while a test runs, and one that ends at once.
const FOR_EVER: &str = "86400";
const AT_ONCE: &str = "0";

/// Has whoever needs the table wait, as a store that is repaired does.
async fn lock(database: &DatabaseConnection, table: &str) {
    let lock = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
    database.execute_unprepared(&lock).await.unwrap();
}

async fn unlock(database: &DatabaseConnection) {
    database.execute_unprepared("ROLLBACK").await.unwrap();
}

async fn is_sent(system: &System) {
    wait_until("the training is sent", async || {
        (!system.sent_trainings().is_empty()).then_some(())
    })
    .await;
}

async fn holds_a_delivery(system: &System) {
    wait_until("a ready message is held", async || {
        let lines = system.log_lines();
        let held = lines.iter().any(|line| line.contains("a delivery is held"));
        held.then_some(())
    })
    .await;
}

async fn ends_well(system: &mut System) {
    // More than 25 s are exit code 1.
    let status = system.terminate().await;
    let log = || system.log_lines().join("\n");
    assert!(status.success(), "{status}\n{}", log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_hangs_does_not_delay_the_stop() {
    for hang in [Link::stall, Link::silence] {
        let shared = Shared::new().await;
        let to_sqs = Link::to(shared.sqs.address()).await;
        let mut system = shared
            .first()
            .env(
                "AWS_ENDPOINT_URL_SQS",
                &format!("http://127.0.0.1:{}", to_sqs.port()),
            )
            .env("LEMON_SANDBOX__TRAINING_SECONDS", FOR_EVER)
            .start()
            .await;
        let person = system.sign_in(1).await;
        person.register(None).await.must_be(201);
        // A training and a ready message are in hand, and each queue is waited at.
        is_sent(&system).await;
        let locking = session(&shared.database).await;
        lock(&locking, "registrations").await;
        let ready = format!(
            r#"{{"oauth_user_id":{},"oauth_type":"TWITTER","service_name":"LEARNME"}}"#,
            person.twitter_id
        );
        shared.sqs.send(&shared.queue("ready"), &ready).await;
        holds_a_delivery(&system).await;
        hang(&to_sqs);
        ends_well(&mut system).await;
    }
}

/// Stops a system six times while it cannot finish a ready message, each time in the middle of it: a message is received
/// five times before it is dead. `start` says how a system is made that trains for so many seconds.
async fn stop_during_an_outage(shared: &Shared, start: impl Fn(&str) -> SystemBuilder) {
    let mut system = start(FOR_EVER).start().await;
    let person = system.sign_in(1).await;
    person.register(None).await.must_be(201);
    is_sent(&system).await;
    ends_well(&mut system).await;
    let locking = session(&shared.database).await;
    lock(&locking, "registrations").await;
    for _ in 0..6 {
        let mut system = start(AT_ONCE).start().await;
        holds_a_delivery(&system).await;
        ends_well(&mut system).await;
    }
    unlock(&locking).await;
    let system = start(AT_ONCE).start().await;
    person.at(&system).wait_until_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stops_in_an_outage_of_the_store_use_up_no_receives_on_the_embedded_queue() {
    let shared = Shared::without_queues().await;
    let home = TempDir::with_prefix("lemon-").unwrap();
    stop_during_an_outage(&shared, |training| {
        shared
            .without_sqs()
            .env("LEMON_SANDBOX__TRAINING_SECONDS", training)
            .data_dir(home.path())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stops_in_an_outage_of_the_store_use_up_no_receives_on_sqs() {
    let shared = Shared::without_queues().await;
    let home = TempDir::with_prefix("lemon-").unwrap();
    // A receive that ends with its connection may still take a message, which is hidden for so long then.
    let hidden = ("LEMON_QUEUE__VISIBILITY_SECONDS", "10");
    let queues = shared.on_sqs(System::builder()).env(hidden.0, hidden.1);
    let made = queues.run(&["queues", "create"]).await;
    assert!(made.status.success(), "{made:?}");
    stop_during_an_outage(&shared, |training| {
        shared
            .first()
            .env(hidden.0, hidden.1)
            .env("LEMON_SANDBOX__TRAINING_SECONDS", training)
            .data_dir(home.path())
    })
    .await;
    let show = ["queues", "dead-letters", &shared.queue("ready")];
    let dead = shared.on_sqs(System::builder()).run(&show).await;
    assert!(dead.status.success() && dead.stdout.is_empty(), "{dead:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_stores_at_the_stop_is_answered_whatever_deadlines_are_configured() {
    let shared = Shared::without_queues().await;
    let mut system = shared
        .without_sqs()
        .env("LEMON_STORE__DEADLINE_MS", "5000")
        .env("LEMON_QUOTA__DEADLINE_MS", "5000")
        .start()
        .await;
    let (one, other) = (system.sign_in(1).await, system.sign_in(2).await);
    // The day's window is known after this.
    one.register(None).await.must_be(201);
    let locking = session(&shared.database).await;
    lock(&locking, "places").await;
    let watching = session(&shared.database).await;
    let calling = tokio::spawn(async move { other.register(None).await });
    wait_until("the call stores", async || {
        let waiting = "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database \
                       WHERE datname = current_database() AND NOT granted \
                       AND relation = 'places'::regclass";
        (number(&watching, waiting).await > 0).then_some(())
    })
    .await;
    ends_well(&mut system).await;
    let answer = calling.await.unwrap();
    assert_eq!(answer.status, 503, "{answer:?}");
}
