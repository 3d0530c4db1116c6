//! Stores.

use std::{fs, path::Path, sync::Arc, time::Duration};

use lemon_contracts::Store;
use lemon_differential::{compare_stores, search, store_steps};
use lemon_fakes::MemoryStore;
use lemon_postgres::{SqlStore, StoreConfig};
use lemon_test_servers::PostgresServer;
use tempfile::TempDir;
use url::Url;

/// How many sequences SQLite takes.
const SEQUENCES: usize = 250;
/// How many they take on PostgreSQL, where each call goes over a network and each sequence has a database.
const ON_POSTGRESQL: usize = 60;

/// Makes fresh stores.
struct Sqlite {
    /// With an empty database, migrated.
    template: TempDir,
}

impl Sqlite {
    async fn new() -> Self {
        let template = tempfile::tempdir().unwrap();
        open(&address(template.path()))
            .await
            .migrate()
            .await
            .unwrap();
        Self { template }
    }

    /// A store, and the folder that must live as long.
    async fn store(&self) -> (Arc<dyn Store>, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        for file in fs::read_dir(self.template.path()).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
        (Arc::new(open(&address(folder.path())).await), folder)
    }
}

fn address(folder: &Path) -> String {
    format!("sqlite://{}/lemon.db", folder.display())
}

async fn open(url: &str) -> SqlStore {
    let config = StoreConfig::new(url)
        .with_max_connections(2)
        .with_listens(false)
        // No sequence is about the machine's speed.
        .with_deadline(Duration::from_mins(1));
    SqlStore::connect(&config).await.unwrap()
}

/// Makes fresh stores.
struct PostgreSql {
    server: Arc<PostgresServer>,
    /// An empty database, migrated.
    template: Url,
}

impl PostgreSql {
    async fn new() -> Self {
        let server = PostgresServer::get().await;
        let template = server.database().await;
        open(template.as_str()).await.migrate().await.unwrap();
        Self { server, template }
    }

    async fn store(&self) -> Arc<dyn Store> {
        let database = self.server.copy(&self.template).await;
        Arc::new(open(database.as_str()).await)
    }
}

fn fake() -> Arc<dyn Store> {
    Arc::new(MemoryStore::default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_stores_as_the_fake() {
    let sqlite = Sqlite::new().await;
    let found = search(SEQUENCES, 4, store_steps(), async |steps| {
        let (store, _folder) = sqlite.store().await;
        compare_stores(fake(), store, steps).await
    });
    found.await.unwrap_or_else(|shortest| panic!("{shortest}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_stores_as_the_fake() {
    let postgresql = PostgreSql::new().await;
    let found = search(ON_POSTGRESQL, 4, store_steps(), async |steps| {
        compare_stores(fake(), postgresql.store().await, steps).await
    });
    found.await.unwrap_or_else(|shortest| panic!("{shortest}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_stores_as_sqlite() {
    let (sqlite, postgresql) = (Sqlite::new().await, PostgreSql::new().await);
    let found = search(ON_POSTGRESQL, 4, store_steps(), async |steps| {
        let (store, _folder) = sqlite.store().await;
        compare_stores(store, postgresql.store().await, steps).await
    });
    found.await.unwrap_or_else(|shortest| panic!("{shortest}"));
}
