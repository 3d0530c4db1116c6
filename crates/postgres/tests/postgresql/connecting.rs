use std::time::Duration;

use lemon_postgres::{PostgresError, SqlStore, StoreConfig};
use lemon_test_servers::Link;

use super::Fresh;

/// What is in the way, which is one line and no secret.
async fn refusal(config: &StoreConfig) -> (PostgresError, String) {
    let error = SqlStore::connect(config).await.unwrap_err();
    let line = error.to_string();
    assert!(!line.contains('\n') && !line.contains("hush"), "{line}");
    (error, line)
}

/// The line of what may pass by itself.
async fn unreached(config: &StoreConfig) -> String {
    let (error, line) = refusal(config).await;
    assert!(
        matches!(error, PostgresError::Unreached { .. }),
        "{error:?}"
    );
    line
}

/// The line of what does not pass by itself.
async fn refused(config: &StoreConfig) -> String {
    let (error, line) = refusal(config).await;
    assert!(matches!(error, PostgresError::Refused { .. }), "{error:?}");
    line
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let fresh = Fresh::new().await;
    for mode in ["require", "verify-full"] {
        let mut url = fresh.url.clone();
        url.query_pairs_mut().append_pair("sslmode", mode);
        let line = refused(&StoreConfig::new(url.as_str())).await;
        assert!(line.to_lowercase().contains("tls"), "{line}");
    }
}

#[tokio::test]
async fn a_missing_database_or_user_is_named() {
    let fresh = Fresh::new().await;
    let mut nowhere = fresh.url.clone();
    nowhere.set_path("nowhere");
    let line = refused(&StoreConfig::new(nowhere.as_str())).await;
    assert!(line.contains("\"nowhere\""), "{line}");
    let mut nobody = fresh.url.clone();
    nobody.set_username("nobody").unwrap();
    nobody.set_password(Some("hush")).unwrap();
    let line = refused(&StoreConfig::new(nobody.as_str())).await;
    assert!(line.contains("\"nobody\""), "{line}");
}

#[tokio::test]
async fn a_silent_server_is_reported_in_time() {
    let fresh = Fresh::new().await;
    let mut line = Link::to(fresh.server.address()).await;
    line.stall();
    let mut url = fresh.url.clone();
    url.set_port(Some(line.port())).unwrap();
    let config = StoreConfig::new(url.as_str()).with_deadline(Duration::from_secs(2));
    let said = unreached(&config).await;
    assert!(said.contains("timed out"), "{said}");
    line.cut().await;
    let said = unreached(&config).await;
    assert!(said.contains(&line.port().to_string()), "{said}");
}
