//! How the program ends, whatever it waits for.

use lemon_test_servers::Link;
use rustix::process::Signal;
use sea_orm::ConnectionTrait;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::{
    outage::{number, session},
    shared::Shared,
};

/// Whoever migrates the database holds the advisory lock of this number.
const MIGRATION_LOCK: i64 = 0x6c_65_6d_6f_6e;

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_waits_for_a_migration_can_be_stopped() {
    for signal in [Signal::TERM, Signal::INT] {
        let shared = Shared::without_queues().await;
        let other = session(&shared.database).await;
        other
            .execute_unprepared(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})"))
            .await
            .unwrap();
        let home = TempDir::with_prefix("lemon-").unwrap();
        let mut starting = shared.without_sqs().begin(home.path(), &["serve"]);
        starting
            .until("the program waits for the lock", async || {
                let waiting = "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database \
                               WHERE datname = current_database() AND NOT granted";
                (number(&other, waiting).await > 0).then_some(())
            })
            .await;
        let status = starting.end(signal).await;
        assert!(status.success(), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_connects_to_a_silent_database_can_be_stopped() {
    let shared = Shared::without_queues().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut database = shared.database.clone();
    database.set_host(Some("127.0.0.1")).unwrap();
    let port = silent.local_addr().unwrap().port();
    database.set_port(Some(port)).unwrap();
    let home = TempDir::with_prefix("lemon-").unwrap();
    let system = shared
        .without_sqs()
        .env("LEMON_STORE__URL", database.as_str())
        .env("LEMON_STORE__DEADLINE_MS", "5000");
    let mut starting = system.begin(home.path(), &["serve"]);
    let _connection = starting
        .until("the program connects", async || silent.accept().await.ok())
        .await;
    let status = starting.end(Signal::TERM).await;
    assert!(status.success(), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_hangs_does_not_delay_the_stop() {
    let shared = Shared::without_queues().await;
    let to_postgres = Link::to(shared.postgres.address()).await;
    let to_redis = Link::to(shared.redis.address()).await;
    let mut database = shared.database.clone();
    database.set_port(Some(to_postgres.port())).unwrap();
    let mut system = shared
        .without_sqs()
        .env("LEMON_STORE__URL", database.as_str())
        .env(
            "LEMON_QUOTA__URL",
            &format!("redis://127.0.0.1:{}", to_redis.port()),
        )
        .env("LEMON_STORE__DEADLINE_MS", "5000")
        .env("LEMON_QUOTA__DEADLINE_MS", "5000")
        .start()
        .await;
    let person = system.sign_in(1).await;
    person.register(None).await.must_be(201);
    to_postgres.stall();
    to_redis.stall();
    assert_eq!(person.register(None).await.status, 503);
    let status = system.terminate().await;
    assert!(
        status.success(),
        "{status}\n{}",
        system.log_lines().join("\n")
    );
}
