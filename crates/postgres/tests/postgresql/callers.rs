//! A store over connections that the caller has made.

use futures::poll;
use lemon_domain::ports::{Accounts, Outbox, Registrations};
use lemon_postgres::{PostgresError, SqlStore, StoreConfig};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use tokio::{task::yield_now, time::timeout};

use super::{
    Fresh, PATIENCE, count,
    given::{account, register, request},
};

/// The caller's, of one connection.
async fn callers(fresh: &Fresh) -> DatabaseConnection {
    let mut options = ConnectOptions::new(fresh.url.as_str());
    options.max_connections(1).acquire_timeout(PATIENCE);
    Database::connect(options).await.unwrap()
}

fn config() -> StoreConfig {
    StoreConfig::without_address().with_deadline(PATIENCE)
}

#[tokio::test]
async fn a_store_shares_the_connections_of_its_caller_and_leaves_them_open() {
    let fresh = Fresh::new().await;
    let connection = callers(&fresh).await;
    let store = SqlStore::new(&connection, &config()).unwrap();
    assert!(!store.pending_migrations().await.unwrap().is_empty());
    store.migrate().await.unwrap();
    register(&store, 1).await;
    store.close().await;
    assert_eq!(count(&connection, "registrations").await, 1);
    assert!(store.account(account(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_store_is_notified_of_rows_that_other_replicas_put() {
    let fresh = Fresh::new().await;
    let other = fresh.store().await;
    let connection = callers(&fresh).await;
    let store = SqlStore::new(&connection, &config()).unwrap();
    // It begins with a look of its own.
    timeout(PATIENCE, store.changed()).await.unwrap();
    register(&other, 1).await;
    timeout(PATIENCE, store.changed()).await.unwrap();
}

/// Wherever a call is dropped, what the caller does next over the same connection is there for others.
#[tokio::test]
async fn a_call_that_is_dropped_leaves_no_transaction_behind() {
    let fresh = Fresh::new().await;
    let direct = fresh.store().await;
    let who = register(&direct, 1).await;
    let connection = callers(&fresh).await;
    let store = SqlStore::new(&connection, &config()).unwrap();
    let db = fresh.outsider().await;
    for polls in 1..=30 {
        let mut call = Box::pin(store.request(request(who, 2)));
        for _ in 0..polls {
            if poll!(&mut call).is_ready() {
                break;
            }
            yield_now().await;
        }
        drop(call);
        let make = format!("CREATE TABLE after_{polls} ()");
        connection.execute_unprepared(&make).await.unwrap();
        let there = format!("pg_tables WHERE tablename = 'after_{polls}'");
        assert_eq!(count(&db, &there).await, 1, "{polls}");
    }
}

#[tokio::test]
async fn a_connection_that_is_not_connected_is_refused() {
    let none = DatabaseConnection::default();
    let refused = SqlStore::new(&none, &config()).unwrap_err();
    assert_eq!(refused, PostgresError::Connection);
    let fresh = Fresh::new().await;
    let wrong = config().with_channel("two words");
    let refused = SqlStore::new(&callers(&fresh).await, &wrong).unwrap_err();
    assert!(matches!(refused, PostgresError::Channel(_)), "{refused:?}");
}
