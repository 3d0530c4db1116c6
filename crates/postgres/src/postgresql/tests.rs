use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use lemon_test_servers::{Link, PoolMode, Pooler, PostgresServer};
use sea_orm::{
    ConnectionTrait, DbBackend, Statement,
    sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row, postgres::PgRow},
};
use tokio::time::timeout;

use super::{
    connections::PostgresConnections,
    pool::Pool,
    separate::configured,
    server::{Server, open},
    statements::PostgresStatements,
    transaction::PostgresTransaction,
};
use crate::{address, config::StoreConfig, error::cause, pooling::Pooling};

/// The time by which everything must have happened, on the slowest machine.
const PATIENCE: Duration = Duration::from_mins(1);

fn config(url: &str) -> StoreConfig {
    StoreConfig::new(url)
        .with_max_connections(1)
        .with_deadline(Duration::from_secs(4))
}

async fn opened(config: &StoreConfig) -> Server {
    let options = address::direct(&config.url).unwrap();
    open(options, config).await.unwrap()
}

async fn server(url: &str) -> Server {
    opened(&config(url)).await
}

/// As behind a pooler in transaction mode.
async fn pooled_server(url: &str) -> Server {
    opened(&config(url).with_pooling(Pooling::Transaction)).await
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
    let server = server(postgres.database().await.as_str()).await;
    for (name, value) in [
        ("statement_timeout", "4s"),
        ("idle_in_transaction_session_timeout", "4s"),
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "2"),
        ("tcp_user_timeout", "20000"),
        ("enable_seqscan", "off"),
        ("client_min_messages", "warning"),
    ] {
        assert_eq!(setting(&server.writer(), name).await, value, "{name}");
    }
    let connection = server.for_migrations().await.unwrap();
    let (migrating, _session) = server.lock_migrations(&connection).await.unwrap();
    assert_eq!(setting(&migrating, "statement_timeout").await, "0");
    let idle = setting(&migrating, "idle_in_transaction_session_timeout").await;
    assert_eq!(idle, "30s");
}

/// The pooler has one session, so each statement meets what the one before it has left.
#[tokio::test]
async fn behind_a_pooler_each_transaction_has_limits_and_the_session_keeps_none() {
    let postgres = PostgresServer::get().await;
    let pooler = Pooler::before(&postgres, PoolMode::Transaction, 1).await;
    let url = pooler.to(&postgres.database().await);
    let options = address::direct(&url.as_str().into()).unwrap();
    let mut neighbour = options.connect().await.unwrap();
    let server = pooled_server(url.as_str()).await;
    for (name, limit) in [
        ("statement_timeout", "4s"),
        ("idle_in_transaction_session_timeout", "4s"),
        ("enable_seqscan", "off"),
        ("client_min_messages", "warning"),
    ] {
        assert_eq!(setting(&server.writer(), name).await, limit, "{name}");
        assert_eq!(setting(&server.reader(), name).await, limit, "{name}");
        let tx = server.begin().await.unwrap();
        assert_eq!(setting(&tx, name).await, limit, "{name}");
        tx.commit().await.unwrap();
        let show = format!("SHOW {name}");
        let left = neighbour.fetch_one(AssertSqlSafe(show)).await.unwrap();
        assert_ne!(left.get::<String, _>(0), limit, "{name}");
    }
    let prepared = "SELECT count(*)::int4 AS names FROM pg_prepared_statements";
    let names = |row: PgRow| row.get_unchecked::<String, _>(0);
    assert_eq!(names(neighbour.fetch_one(prepared).await.unwrap()), "0");
}

#[tokio::test]
async fn behind_a_pooler_a_transaction_of_a_program_that_is_cut_off_loses_its_locks() {
    let postgres = PostgresServer::get().await;
    let pooler = Pooler::before(&postgres, PoolMode::Transaction, 2).await;
    let url = postgres.database().await;
    let outside = server(url.as_str()).await.writer();
    let link = Link::to(pooler.address()).await;
    let mut linked = pooler.to(&url);
    linked.set_port(Some(link.port())).unwrap();
    let cut_off = pooled_server(linked.as_str()).await;
    loses_its_locks(&cut_off, &link, &outside).await;
}

#[tokio::test]
async fn statements_are_prepared_once_unless_that_is_turned_off() {
    let postgres = PostgresServer::get().await;
    let url = postgres.database().await;
    for (config, prepared) in [
        (config(url.as_str()), true),
        (config(url.as_str()).with_prepared_statements(false), false),
        (
            config(url.as_str()).with_pooling(Pooling::Transaction),
            false,
        ),
        (
            config(url.as_str())
                .with_pooling(Pooling::Transaction)
                .with_prepared_statements(true),
            true,
        ),
    ] {
        let server = opened(&config).await;
        setting(&server.reader(), "statement_timeout").await;
        let names = "SELECT EXISTS (SELECT FROM pg_prepared_statements WHERE name <> '') AS any";
        let names = Statement::from_string(DbBackend::Postgres, names);
        let row = server.reader().query_one_raw(names).await.unwrap().unwrap();
        assert_eq!(row.try_get::<bool>("", "any").unwrap(), prepared);
    }
}

#[tokio::test]
async fn a_direct_address_of_another_database_is_not_migrated() {
    let postgres = PostgresServer::get().await;
    let (here, elsewhere) = (postgres.database().await, postgres.database().await);
    let misled = config(here.as_str()).with_direct_url(elsewhere.as_str());
    let refused = opened(&misled).await.for_migrations().await.unwrap_err();
    assert!(cause(&refused).contains("another database"), "{refused}");
    let led = config(here.as_str()).with_direct_url(here.as_str());
    opened(&led).await.for_migrations().await.unwrap();
}

#[tokio::test]
async fn another_session_with_the_same_number_is_not_the_session_of_the_migration() {
    let postgres = PostgresServer::get().await;
    let server = server(postgres.database().await.as_str()).await;
    let connection = server.for_migrations().await.unwrap();
    let (_migrating, mut session) = server.lock_migrations(&connection).await.unwrap();
    assert!(session.is_there().await.unwrap());
    session.began_at -= TimeDelta::microseconds(1);
    assert!(!session.is_there().await.unwrap());
}

#[tokio::test]
async fn a_transaction_of_a_program_that_is_cut_off_loses_its_locks() {
    let postgres = PostgresServer::get().await;
    let url = postgres.database().await;
    let outside = server(url.as_str()).await.writer();
    let link = Link::to(postgres.address()).await;
    let mut linked = url.clone();
    linked.set_port(Some(link.port())).unwrap();
    let cut_off = server(linked.as_str()).await;
    loses_its_locks(&cut_off, &link, &outside).await;
}

/// A program locks a row, and is cut off.
async fn loses_its_locks(cut_off: &Server, link: &Link, outside: &PostgresStatements) {
    let make = "CREATE TABLE rows (id int PRIMARY KEY); INSERT INTO rows VALUES (1)";
    outside.execute_unprepared(make).await.unwrap();
    let lock = "SELECT id FROM rows WHERE id = 1 FOR UPDATE";
    let tx = cut_off.begin().await.unwrap();
    tx.execute_unprepared(lock).await.unwrap();
    link.silence();
    let wait_for_it = async {
        while outside.execute_unprepared(lock).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, wait_for_it).await.unwrap();
    // Not earlier: dropping it would end the transaction.
    drop(tx);
}

#[tokio::test]
async fn a_transaction_that_is_dropped_is_undone_and_its_connection_is_not_used_again() {
    let postgres = PostgresServer::get().await;
    let url = postgres.database().await;
    let server_here = server(url.as_str()).await;
    let here = server_here.writer();
    let elsewhere = server(url.as_str()).await.writer();
    let make = "CREATE TABLE rows (id int PRIMARY KEY)";
    here.execute_unprepared(make).await.unwrap();
    let tx: PostgresTransaction = server_here.begin().await.unwrap();
    tx.execute_unprepared("INSERT INTO rows VALUES (1)")
        .await
        .unwrap();
    drop(tx);
    let again = "INSERT INTO rows VALUES (1)";
    here.execute_unprepared(again).await.unwrap();
    // It was committed, because others see it.
    elsewhere.execute_unprepared(again).await.unwrap_err();
}

/// The size of the pool.
const SIZE: usize = 4;

/// Connections over a link that a test can cut. A test of a connection may take a quarter of the deadline: far more
/// than it needs.
async fn pooled() -> (Arc<PostgresServer>, Link, Pool) {
    let postgres = PostgresServer::get().await;
    let mut url = postgres.database().await;
    let link = Link::to(postgres.address()).await;
    url.set_port(Some(link.port())).unwrap();
    let config = StoreConfig::new(url.as_str())
        .with_max_connections(SIZE.try_into().unwrap())
        .with_deadline(Duration::from_secs(16));
    let options = configured(url.as_str().parse().unwrap(), &config);
    let pool = Pool::new(options, &config).unwrap();
    on_all(&pool, "SELECT 1").await;
    (postgres, link, pool)
}

/// Makes all connections and uses each of them.
async fn on_all(pool: &Pool, sql: &str) {
    let mut all = Vec::new();
    for _ in 0..SIZE {
        let mut connection = pool.borrow().await.unwrap();
        connection.execute_unprepared(sql).await.unwrap();
        all.push(connection);
    }
    for connection in all {
        connection.give_back();
    }
}

#[tokio::test]
async fn after_a_cut_begins_and_reads_are_sent_again_over_a_new_connection() {
    let (_postgres, mut link, pool) = pooled().await;
    link.cut().await;
    link.mend().await;
    let begun = PostgresTransaction::begin(&PostgresConnections::Own(pool.clone()))
        .await
        .unwrap();
    begun.rollback().await.unwrap();
    on_all(&pool, "SELECT 1").await;
    link.cut().await;
    link.mend().await;
    let reader = PostgresStatements::that_read(PostgresConnections::Own(pool));
    assert_eq!(setting(&reader, "client_min_messages").await, "warning");
}

#[tokio::test]
async fn one_call_is_lost_in_a_silent_cut_and_the_next_is_answered() {
    let (_postgres, link, pool) = pooled().await;
    link.silence();
    let mut lost = pool.borrow().await.unwrap();
    let call = lost.execute_unprepared("SELECT 1");
    timeout(Duration::from_millis(10), call).await.unwrap_err();
    drop(lost);
    let next = async {
        let mut next = pool.borrow().await.unwrap();
        next.execute_unprepared("SELECT 1").await.unwrap();
    };
    timeout(PATIENCE, next).await.unwrap();
}

#[tokio::test]
async fn one_call_is_refused_by_a_read_only_server_and_the_next_has_another_connection() {
    let (_postgres, _link, pool) = pooled().await;
    // As on a server that was demoted; a new session is like one on its successor.
    on_all(&pool, "SET default_transaction_read_only = on").await;
    let writer = PostgresStatements::that_write(PostgresConnections::Own(pool));
    let change = "CREATE TABLE rows ()";
    let refused = writer.execute_unprepared(change).await.unwrap_err();
    let said = cause(&refused);
    assert!(said.contains("read-only transaction"), "{said}");
    writer.execute_unprepared(change).await.unwrap();
}
