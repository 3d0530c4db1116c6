use std::{sync::Arc, time::Duration};

use lemon_testkit::services::{Link, PostgresServer};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use tokio::time::timeout;

use super::{Server, Transaction, open};
use crate::{StoreConfig, database::Database};

/// Until when what must happen must have happened, on the slowest machine.
const PATIENCE: Duration = Duration::from_mins(1);

async fn database(url: &str) -> (Database, Arc<Server>) {
    let config = StoreConfig {
        max_connections: 1,
        deadline: Duration::from_secs(4),
        ..StoreConfig::new(url)
    };
    let database = open(&config).await.unwrap();
    let server = Arc::clone(database.server().unwrap());
    (database, server)
}

async fn setting(db: &impl ConnectionTrait, name: &str) -> String {
    let show = format!("SELECT current_setting('{name}') AS value");
    let show = Statement::from_string(DbBackend::Postgres, show);
    let row = db.query_one_raw(show).await.unwrap().unwrap();
    row.try_get("", "value").unwrap()
}

#[tokio::test]
async fn the_server_has_limits_for_each_session() {
    let postgres = PostgresServer::get().await;
    let (database, server) = database(postgres.database().await.as_str()).await;
    for (name, value) in [
        ("statement_timeout", "4s"),
        ("idle_in_transaction_session_timeout", "4s"),
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "2"),
        ("client_min_messages", "warning"),
    ] {
        assert_eq!(setting(&database.writer, name).await, value, "{name}");
    }
    let migrating: DatabaseConnection = server.for_migrations().await.unwrap();
    assert_eq!(setting(&migrating, "statement_timeout").await, "0");
    let idle = setting(&migrating, "idle_in_transaction_session_timeout").await;
    assert_eq!(idle, "30s");
}

#[tokio::test]
async fn a_transaction_of_a_program_that_is_cut_off_loses_its_locks() {
    let postgres = PostgresServer::get().await;
    let url = postgres.database().await;
    let (outside, _) = database(url.as_str()).await;
    let make = "CREATE TABLE rows (id int PRIMARY KEY); INSERT INTO rows VALUES (1)";
    outside.writer.execute_unprepared(make).await.unwrap();
    let link = Link::to(postgres.address()).await;
    let mut linked = url.clone();
    linked.set_port(Some(link.port())).unwrap();
    let (_cut_off, server) = database(linked.as_str()).await;
    let lock = "SELECT id FROM rows WHERE id = 1 FOR UPDATE";
    let tx = server.begin().await.unwrap();
    tx.execute_unprepared(lock).await.unwrap();
    link.silence();
    let wait_for_it = async {
        while outside.writer.execute_unprepared(lock).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, wait_for_it).await.unwrap();
    // Not earlier: to drop it would end it.
    drop(tx);
}

#[tokio::test]
async fn a_transaction_that_is_dropped_is_undone_and_its_connection_is_not_used_again() {
    let postgres = PostgresServer::get().await;
    let url = postgres.database().await;
    let (here, server) = database(url.as_str()).await;
    let (elsewhere, _) = database(url.as_str()).await;
    let make = "CREATE TABLE rows (id int PRIMARY KEY)";
    here.writer.execute_unprepared(make).await.unwrap();
    let tx: Transaction = server.begin().await.unwrap();
    tx.execute_unprepared("INSERT INTO rows VALUES (1)")
        .await
        .unwrap();
    drop(tx);
    let again = "INSERT INTO rows VALUES (1)";
    here.writer.execute_unprepared(again).await.unwrap();
    // It was committed, since it is there for others.
    elsewhere
        .writer
        .execute_unprepared(again)
        .await
        .unwrap_err();
}
