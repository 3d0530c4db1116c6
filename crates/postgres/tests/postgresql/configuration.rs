//! What is configured, as the server sees it.

use lemon_domain::ports::Outbox;
use lemon_postgres::{PostgresError, SqlStore};
use sea_orm::{ConnectionTrait, Database, TransactionTrait, sqlx::postgres::PgListener};
use tokio::time::timeout;

use super::{Fresh, PATIENCE, count, given::register, until};

/// Sessions in this database, other than the one that asks.
const OTHERS: &str =
    "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND backend_type = 'client backend'";

#[tokio::test]
async fn the_server_shows_the_name_of_the_application() {
    let fresh = Fresh::new().await;
    let config = fresh.config().with_application_name("Lemon: eu-west 1");
    let store = SqlStore::connect(&config).await.unwrap();
    store.migrate().await.unwrap();
    let mut url = fresh.url.clone();
    url.query_pairs_mut()
        .append_pair("application_name", "outsider");
    let db = Database::connect(url.as_str()).await.unwrap();
    let named = format!("{OTHERS} AND application_name = 'Lemon: eu-west 1'");
    // Those of calls, and that which listens.
    until(|| async { count(&db, &named).await > 1 }).await;
    let strange = format!("{OTHERS} AND application_name NOT IN ('Lemon: eu-west 1', 'outsider')");
    assert_eq!(count(&db, &strange).await, 0);
}

#[tokio::test]
async fn a_name_in_the_address_comes_first() {
    let fresh = Fresh::new().await;
    let mut url = fresh.url.clone();
    url.query_pairs_mut()
        .append_pair("application_name", "of-the-address");
    let mut config = fresh.config().with_application_name("of-the-configuration");
    config.url = url.as_str().into();
    let _store = SqlStore::connect(&config).await.unwrap();
    let db = fresh.outsider().await;
    let named = format!("{OTHERS} AND application_name = 'of-the-address'");
    until(|| async { count(&db, &named).await > 0 }).await;
}

#[tokio::test]
async fn a_migration_holds_the_lock_of_the_configured_number() {
    let fresh = Fresh::new().await;
    let db = fresh.outsider().await;
    // Both halves: the server shows them apart.
    let number = (3 << 32) + 5;
    let other = db.begin().await.unwrap();
    let usual = "SELECT pg_advisory_xact_lock(465558138734), pg_advisory_xact_lock(12884901893)";
    other.execute_unprepared(usual).await.unwrap();
    let config = fresh.config().with_migration_lock(number);
    let store = SqlStore::connect(&config).await.unwrap();
    let migrating = tokio::spawn(async move { store.migrate().await });
    let waiting =
        "pg_locks WHERE locktype = 'advisory' AND NOT granted AND (classid, objid) = (3, 5)
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    until(|| async { count(&db, waiting).await > 0 }).await;
    other.rollback().await.unwrap();
    timeout(PATIENCE, migrating)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    // The usual number is another lock now.
    let other = db.begin().await.unwrap();
    let usual = "SELECT pg_advisory_xact_lock(465558138734)";
    other.execute_unprepared(usual).await.unwrap();
    let store = SqlStore::connect(&config).await.unwrap();
    timeout(PATIENCE, store.roll_back(1))
        .await
        .unwrap()
        .unwrap();
    other.rollback().await.unwrap();
}

#[tokio::test]
async fn replicas_notify_each_other_on_the_configured_channel() {
    let fresh = Fresh::new().await;
    // A name that is another without quotes.
    let config = fresh.config().with_channel("Lemon_of_EU");
    let store = SqlStore::connect(&config).await.unwrap();
    store.migrate().await.unwrap();
    let db = fresh.outsider().await;
    let listening = format!("{OTHERS} AND query = 'LISTEN \"Lemon_of_EU\"'");
    until(|| async { count(&db, &listening).await == 1 }).await;

    let mut outsider = PgListener::connect(fresh.url.as_str()).await.unwrap();
    outsider.listen("Lemon_of_EU").await.unwrap();
    register(&store, 1).await;
    let told = timeout(PATIENCE, outsider.recv()).await.unwrap().unwrap();
    assert_eq!(told.channel(), "Lemon_of_EU");

    let other = SqlStore::connect(&config).await.unwrap();
    until(|| async { count(&db, &listening).await == 2 }).await;
    // It began with a look of its own.
    timeout(PATIENCE, other.changed()).await.unwrap();
    db.execute_unprepared("NOTIFY \"Lemon_of_EU\"")
        .await
        .unwrap();
    timeout(PATIENCE, other.changed()).await.unwrap();
}

#[tokio::test]
async fn a_name_that_the_server_would_change_is_refused_before_any_statement() {
    let fresh = Fresh::new().await;
    let config = fresh.config().with_application_name("n".repeat(64));
    let refused = SqlStore::connect(&config).await.unwrap_err();
    let told = matches!(refused, PostgresError::ApplicationName(_));
    assert!(told, "{refused:?}");
    let config = fresh.config().with_channel("two words");
    let refused = SqlStore::connect(&config).await.unwrap_err();
    assert!(matches!(refused, PostgresError::Channel(_)), "{refused:?}");
}
