//! Where the migrations are recorded.

use sea_orm::ConnectionTrait;

use lemon_postgres::SqlStore;

use super::{
    Fresh,
    given::{records, register},
};

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let fresh = Fresh::new().await;
    let (older, db) = (fresh.store().await, fresh.outsider().await);
    let (host, port) = (fresh.url.host_str().unwrap(), fresh.url.port().unwrap());
    let name = format!("PostgreSQL at {host}:{port}{}", fresh.url.path());
    records::a_newer_version_is_refused(&fresh.config(), &older, &db, name).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_the_previous_version_is_taken_over_once() {
    let fresh = Fresh::new().await;
    let db = fresh.outsider().await;
    records::a_database_of_the_previous_version_is_taken_over_once(&fresh.config(), &db).await;
}

#[tokio::test]
async fn after_a_roll_back_the_previous_version_finds_its_rows() {
    let fresh = Fresh::new().await;
    let (store, db) = (fresh.store().await, fresh.outsider().await);
    records::after_a_roll_back_the_previous_version_finds_its_rows(&store, &db).await;
}

#[tokio::test]
async fn migrations_of_other_programs_are_not_changed() {
    let fresh = Fresh::new().await;
    let db = fresh.outsider().await;
    records::migrations_of_other_programs_are_not_changed(&fresh.config(), &db).await;
}

#[tokio::test]
async fn other_programs_may_migrate_later() {
    let fresh = Fresh::new().await;
    let db = fresh.outsider().await;
    records::other_programs_may_migrate_later(&fresh.config(), &db).await;
}

/// A user who owns one schema and finds another's table behind it.
#[tokio::test]
async fn a_table_of_another_program_that_may_not_be_read_is_not_queried() {
    let fresh = Fresh::new().await;
    let db = fresh.outsider().await;
    let role = format!("role{}", fresh.url.path().trim_start_matches('/'));
    for sql in [
        "CREATE TABLE seaql_migrations (version text PRIMARY KEY, applied_at bigint)".to_owned(),
        format!("CREATE ROLE {role} LOGIN PASSWORD 'hush'"),
        format!("CREATE SCHEMA AUTHORIZATION {role}"),
    ] {
        db.execute_unprepared(&sql).await.unwrap();
    }
    let mut url = fresh.url.clone();
    url.set_username(&role).unwrap();
    url.set_password(Some("hush")).unwrap();
    let mut config = fresh.config();
    config.url = url.as_str().into();
    let store = SqlStore::connect(&config).await.unwrap();
    store.migrate().await.unwrap();
    register(&store, 1).await;
    store.close().await;
    let end = format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}");
    db.execute_unprepared(&end).await.unwrap();
}
