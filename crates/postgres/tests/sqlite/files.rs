//! Databases in files of their own.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use lemon_postgres::{SqlStore, StoreConfig};
use sea_orm::{Database, DatabaseConnection};
use tempfile::TempDir;

pub(crate) fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lemon.db");
    (folder, file)
}

pub(crate) fn config(file: &Path) -> StoreConfig {
    StoreConfig::new(format!("sqlite://{}", file.display()))
        // No test is about the machine's speed.
        .with_deadline(Duration::from_mins(1))
}

pub(crate) async fn store(file: &Path) -> SqlStore {
    let store = SqlStore::connect(&config(file)).await.unwrap();
    store.migrate().await.unwrap();
    store
}

/// The database as any other program sees it.
pub(crate) async fn outsider(file: &Path) -> DatabaseConnection {
    let url = format!("sqlite://{}?mode=rwc", file.display());
    Database::connect(url).await.unwrap()
}
