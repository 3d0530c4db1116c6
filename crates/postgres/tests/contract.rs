//! The contract of the store's ports, kept on SQLite and on PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use lemon_contracts::{Store, Subject};
use lemon_postgres::{SqlStore, StoreConfig};
use sea_orm::Database;

/// The store in a database at an address.
async fn store(url: String) -> Arc<dyn Store> {
    let config = StoreConfig::new(url)
        // No case is about the machine's speed.
        .with_deadline(Duration::from_mins(1));
    let store = SqlStore::connect(&config).await.unwrap();
    store.migrate().await.unwrap();
    Arc::new(store)
}

/// The store over connections that the caller has made, as sea-orm makes them.
async fn given(url: String) -> Arc<dyn Store> {
    let connection = Database::connect(url).await.unwrap();
    let config = StoreConfig::without_address().with_deadline(Duration::from_mins(1));
    let store = SqlStore::new(&connection, &config).unwrap();
    store.migrate().await.unwrap();
    Arc::new(store)
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use super::{Store, Subject, store};

    /// A fresh database in a folder of its own.
    async fn subject() -> Subject<dyn Store> {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/lemon.db", folder.path().display());
        Subject::guarded(store(url).await, folder)
    }

    lemon_contracts::store_suites!(subject);
}

/// Over a connection of the caller's.
#[cfg(feature = "sqlite")]
mod given_sqlite {
    use super::{Store, Subject, given};

    /// A fresh database in a folder of its own.
    async fn subject() -> Subject<dyn Store> {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/lemon.db?mode=rwc", folder.path().display());
        Subject::guarded(given(url).await, folder)
    }

    lemon_contracts::store_suites!(subject);
}

mod postgresql {
    use lemon_test_servers::PostgresServer;

    use super::{Store, Subject, store};

    /// A fresh database on the server of these tests.
    async fn subject() -> Subject<dyn Store> {
        let server = PostgresServer::get().await;
        let url = server.database().await;
        Subject::guarded(store(url.into()).await, server)
    }

    lemon_contracts::store_suites!(subject);
}

/// Through a pooler in transaction mode. It has few sessions, so that a call's transactions rarely have the same.
mod pooled_postgresql {
    use std::{sync::Arc, time::Duration};

    use lemon_postgres::{Pooling, SqlStore, StoreConfig};
    use lemon_test_servers::{PoolMode, Pooler, PostgresServer};

    use super::{Store, Subject};

    /// A fresh database on the server of these tests.
    async fn subject() -> Subject<dyn Store> {
        let server = PostgresServer::get().await;
        let pooler = Pooler::before(&server, PoolMode::Transaction, 2).await;
        let config = StoreConfig::new(pooler.to(&server.database().await).as_str())
            .with_pooling(Pooling::Transaction)
            .with_deadline(Duration::from_mins(1));
        let store = SqlStore::connect(&config).await.unwrap();
        store.migrate().await.unwrap();
        Subject::guarded(Arc::new(store), pooler)
    }

    lemon_contracts::store_suites!(subject);
}

/// Over a connection of the caller's.
mod given_postgresql {
    use lemon_test_servers::PostgresServer;

    use super::{Store, Subject, given};

    /// A fresh database on the server of these tests.
    async fn subject() -> Subject<dyn Store> {
        let server = PostgresServer::get().await;
        let url = server.database().await;
        Subject::guarded(given(url.into()).await, server)
    }

    lemon_contracts::store_suites!(subject);
}
