//! The contract of the store's ports, kept on SQLite.
#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use lemon_postgres::{SqlStore, StoreConfig};
use lemon_testkit::{Subject, suites::Store};

/// A fresh database in a folder of its own.
async fn subject() -> Subject<dyn Store> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/lemon.db", folder.path().display());
    let store = SqlStore::connect(&StoreConfig::new(url)).await.unwrap();
    store.migrate().await.unwrap();
    Subject::guarded(Arc::new(store), folder)
}

lemon_testkit::store_suites!(subject);
