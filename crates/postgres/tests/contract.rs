//! The contract of the store's ports, kept on SQLite and on PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use lemon_contracts::{Store, Subject};
use lemon_postgres::{SqlStore, StoreConfig};

/// The store in a database at an address.
async fn store(url: String) -> Arc<dyn Store> {
    let config = StoreConfig {
        // No case is about the machine's speed.
        deadline: Duration::from_mins(1),
        ..StoreConfig::new(url)
    };
    let store = SqlStore::connect(&config).await.unwrap();
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
