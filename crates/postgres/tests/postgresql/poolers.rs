//! Poolers between the store and the server.

use std::time::Duration;

use futures::future::join_all;
use lemon_domain::ports::Directives;
use lemon_postgres::{Pooling, SqlStore, StoreConfig};
use lemon_test_servers::{PoolMode, Pooler};
use sea_orm::DatabaseConnection;
use tokio::time::timeout;

use super::{Fresh, PATIENCE, count, given::register, until};

/// Sessions of a pooler in transaction mode: fewer than programs.
const FEW: u32 = 2;

/// The sessions that listen.
const LISTENING: &str =
    "pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";

fn through(pooler: &Pooler, fresh: &Fresh) -> StoreConfig {
    StoreConfig::new(pooler.to(&fresh.url).as_str()).with_deadline(PATIENCE)
}

async fn connected(config: &StoreConfig) -> SqlStore {
    SqlStore::connect(config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_migrate_at_the_same_time_through_a_pooler_in_transaction_mode() {
    let fresh = Fresh::new().await;
    let pooler = Pooler::before(&fresh.server, PoolMode::Transaction, FEW).await;
    let config = through(&pooler, &fresh).with_pooling(Pooling::Transaction);
    let stores = join_all((0..4).map(|_| connected(&config))).await;
    // The second time, the sessions have already been used for it.
    for _ in 0..2 {
        for migrated in join_all(stores.iter().map(SqlStore::migrate)).await {
            migrated.unwrap();
        }
        assert!(stores[0].pending_migrations().await.unwrap().is_empty());
        register(&stores[0], 1).await;
        let all = SqlStore::known_migrations().len();
        stores[0].roll_back(all.try_into().unwrap()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_in_session_mode_needs_no_configuration() {
    let fresh = Fresh::new().await;
    let pooler = Pooler::before(&fresh.server, PoolMode::Session, 20).await;
    let store = connected(&through(&pooler, &fresh)).await;
    store.migrate().await.unwrap();
    register(&store, 1).await;
    let db = fresh.outsider().await;
    until(|| async { count(&db, LISTENING).await == 1 }).await;
}

async fn listens(db: &DatabaseConnection) -> bool {
    count(db, LISTENING).await > 0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_pooler_in_transaction_mode_only_a_direct_address_is_listened_on() {
    let fresh = Fresh::new().await;
    let pooler = Pooler::before(&fresh.server, PoolMode::Transaction, FEW).await;
    let db = fresh.outsider().await;
    let config = through(&pooler, &fresh).with_pooling(Pooling::Transaction);
    let deaf = connected(&config).await;
    deaf.migrate().await.unwrap();
    // It would listen before it answers a question that takes longer than connecting.
    deaf.directives_changed().await;
    assert!(!listens(&db).await);
    let direct = config.with_direct_url(fresh.url.as_str());
    let hears = connected(&direct).await;
    until(|| listens(&db)).await;
    drop(hears);
    until(|| async { !listens(&db).await }).await;
    let off = connected(&direct.with_listens(false)).await;
    off.directives_changed().await;
    assert!(!listens(&db).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_does_not_listen_looks_for_directives_often() {
    let fresh = Fresh::new().await;
    fresh.store().await;
    let deaf = connected(&fresh.config().with_listens(false)).await;
    for _ in 0..2 {
        // With notifications, the second wait takes five seconds.
        let changed = timeout(Duration::from_secs(3), deaf.directives_changed());
        changed.await.unwrap();
    }
}
