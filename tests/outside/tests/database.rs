//! The program has its own tables, with its own migrations, in the database of the store.

use lemon_domain::{
    ports::{Accounts, Clock, SignIn},
    sealing::Sealed,
    values::{AccountId, ProviderUserId, UserId},
};
use lemon_postgres::{SqlStore, StoreConfig};
use lemon_system::SystemClock;
use lemon_test_servers::PostgresServer;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};

#[tokio::test]
async fn both_keep_their_tables_and_their_migrations() {
    let server = PostgresServer::get().await;
    let url = server.database().await;
    let connection = Database::connect(url.as_str()).await.unwrap();
    // The table in which sea-orm records a program's migrations by default.
    run(
        &connection,
        "CREATE TABLE seaql_migrations (version varchar PRIMARY KEY, applied_at bigint NOT NULL)",
    )
    .await;
    run(
        &connection,
        "INSERT INTO seaql_migrations VALUES ('m20990101_000001_exports', 4070908800)",
    )
    .await;

    let config = StoreConfig::without_address()
        .with_channel("exports_outbox")
        .with_migration_lock(4711);
    let store = SqlStore::new(&connection, &config).unwrap();
    store.migrate().await.unwrap();
    run(
        &connection,
        "CREATE TABLE reports (owner bigint NOT NULL REFERENCES users (id), title text NOT NULL)",
    )
    .await;

    let user = sign_in(&store).await;
    let report = format!("INSERT INTO reports VALUES ({}, 'March')", user.get());
    run(&connection, &report).await;
    // Later starts of either program change nothing.
    store.migrate().await.unwrap();
    assert_eq!(sign_in(&store).await, user);
    let joined = "SELECT title FROM reports JOIN accounts ON accounts.user_id = reports.owner";
    assert_eq!(texts(&connection, joined, "title").await, ["March"]);
    let versions = texts(
        &connection,
        "SELECT version FROM seaql_migrations",
        "version",
    )
    .await;
    assert_eq!(versions, ["m20990101_000001_exports"]);
    store.close().await;
}

async fn sign_in(store: &SqlStore) -> UserId {
    let account = AccountId::twitter(ProviderUserId::parse("2244994945").unwrap());
    let credentials = Sealed {
        key_id: "example".to_owned(),
        data: vec![7; 64],
    };
    let sign_in = SignIn {
        account,
        credentials,
        at: SystemClock.now(),
    };
    store.sign_in(sign_in).await.unwrap()
}

async fn run(connection: &DatabaseConnection, statement: &str) {
    connection.execute_unprepared(statement).await.unwrap();
}

async fn texts(connection: &DatabaseConnection, select: &str, column: &str) -> Vec<String> {
    let select = Statement::from_string(connection.get_database_backend(), select);
    let rows = connection.query_all_raw(select).await.unwrap();
    rows.iter()
        .map(|row| row.try_get("", column).unwrap())
        .collect()
}
