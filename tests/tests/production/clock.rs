//! A replica whose clock is far from its store's.

use std::time::Duration;

use lemon_test_servers::PostgresServer;
use lemon_tests::{System, wait_until};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::outage::{number, session};

#[tokio::test]
async fn a_replica_whose_clock_is_too_far_from_the_stores_is_not_ready_and_says_so() {
    let server = PostgresServer::get().await;
    for (ahead, status) in [(0, 200), (8 * 24 * 3600, 503)] {
        let database = server.database().await;
        server
            .set_ahead(&database, Duration::from_secs(ahead))
            .await;
        let system = System::builder()
            .env("LEMON_STORE__URL", database.as_str())
            .start()
            .await;
        let asked = system.client().get(system.ops_url("/health/ready")).send();
        let answer = asked.await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        if status == 503 {
            let body: Value = answer.json().await.unwrap();
            assert_eq!(body["failed"], json!(["clock"]), "{body}");
            let said = "behind the store's clock, and at most 10 s are safe";
            let lines = system.log_lines();
            assert!(lines.iter().any(|line| line.contains(said)), "{lines:?}");
        }
    }
}

/// Copies of somebody's rows, and sign-ins: for a person 101 expired two hours ago, for 102 half an hour ago.
const EXPIRED: &str = "
INSERT INTO users (id, created_at) VALUES (101, now()), (102, now());
CREATE TEMP TABLE ages AS SELECT * FROM (VALUES (101, 2, interval '2 hours'), (102, 3, interval '30 minutes'))
  AS ages (person, seat, age);
INSERT INTO uses (user_id, service, turn, window_start, cooldown_until, expires_at)
  SELECT person, service, turn, window_start, cooldown_until, now() - age FROM uses, ages;
INSERT INTO places (service, budget, window_start, seat, user_id, turn, units, at, expires_at, fingerprint)
  SELECT service, budget, window_start, ages.seat, person, turn, units, at, now() - age, fingerprint FROM places, ages;
INSERT INTO pending_sign_ins (token, secret, secret_key_id, expires_at)
  SELECT 'token ' || person, '', 'k1', now() - age FROM ages";

/// By the store's clock the person's own rows have expired a day ago, too.
#[tokio::test]
async fn expired_rows_are_removed_an_hour_later_by_the_earlier_clock() {
    let server = PostgresServer::get().await;
    let database = server.database().await;
    let mut system = System::builder()
        .env("LEMON_STORE__URL", database.as_str())
        .start()
        .await;
    let person = system.sign_in(1).await;
    person.register(None).await.must_be(201);
    system.terminate().await;
    let session = session(&database).await;
    session.execute_unprepared(EXPIRED).await.unwrap();
    server
        .set_ahead(&database, Duration::from_hours(8 * 24))
        .await;
    system.restart().await;
    let rows = async |table: &str, which: &str| {
        let count = format!("SELECT count(*) FROM {table} WHERE {which}");
        number(&session, &count).await
    };
    for table in ["uses", "places", "pending_sign_ins"] {
        wait_until("what has expired is removed", async || {
            let old = rows(table, "expires_at < now() - interval '1 hour'").await;
            (old == 0).then_some(())
        })
        .await;
    }
    for table in ["uses", "places"] {
        let own = rows(table, &format!("user_id = {}", person.user_id)).await;
        let late = rows(table, "user_id = 102").await;
        assert_eq!((own, late), (1, 1), "{table}");
    }
    assert_eq!(rows("pending_sign_ins", "token = 'token 102'").await, 1);
}
