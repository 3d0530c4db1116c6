//! A replica whose clock is far from its store's.

use std::time::Duration;

use lemon_testkit::services::PostgresServer;
use lemon_tests::System;
use serde_json::{Value, json};

#[tokio::test]
async fn a_replica_further_from_its_store_than_is_survived_is_not_ready_and_says_so() {
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
