use std::time::Duration;

use lemon_postgres::{PostgresError, SqlStore, StoreConfig};
use lemon_test_servers::Link;

use super::Fresh;

/// What is in the way, which is one line and no secret.
async fn refusal(config: &StoreConfig) -> String {
    let error = SqlStore::connect(config).await.unwrap_err();
    assert!(
        matches!(error, PostgresError::Unreached { .. }),
        "{error:?}"
    );
    let line = error.to_string();
    assert!(!line.contains('\n') && !line.contains("hush"), "{line}");
    line
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let fresh = Fresh::new().await;
    for mode in ["require", "verify-full"] {
        let mut url = fresh.url.clone();
        url.query_pairs_mut().append_pair("sslmode", mode);
        let line = refusal(&StoreConfig::new(url.as_str())).await;
        assert!(line.to_lowercase().contains("tls"), "{line}");
    }
}

#[tokio::test]
async fn a_database_or_user_that_is_not_there_is_named() {
    let fresh = Fresh::new().await;
    let mut nowhere = fresh.url.clone();
    nowhere.set_path("nowhere");
    let line = refusal(&StoreConfig::new(nowhere.as_str())).await;
    assert!(line.contains("\"nowhere\""), "{line}");
    let mut nobody = fresh.url.clone();
    nobody.set_username("nobody").unwrap();
    nobody.set_password(Some("hush")).unwrap();
    let line = refusal(&StoreConfig::new(nobody.as_str())).await;
    assert!(line.contains("\"nobody\""), "{line}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_told_in_time() {
    let fresh = Fresh::new().await;
    let mut line = Link::to(fresh.server.address()).await;
    line.stall();
    let mut url = fresh.url.clone();
    url.set_port(Some(line.port())).unwrap();
    let config = StoreConfig::new(url.as_str()).with_deadline(Duration::from_secs(2));
    let said = refusal(&config).await;
    assert!(said.contains("timed out"), "{said}");
    line.cut().await;
    let said = refusal(&config).await;
    assert!(said.contains(&line.port().to_string()), "{said}");
}
