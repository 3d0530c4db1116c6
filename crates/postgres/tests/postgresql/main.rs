//! What the ports do not show of PostgreSQL: the schema and its version, rows that somebody spoiled, and the way there.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clocks;
mod connecting;
#[path = "../given/mod.rs"]
mod given;
mod migrations;
mod neighbour;
mod races;
mod rows;
mod sign_ins;

use std::{sync::Arc, time::Duration};

use lemon_postgres::{SqlStore, StoreConfig};
use lemon_testkit::services::PostgresServer;
use sea_orm::{Database, DatabaseConnection};
use url::Url;

/// The deadline of a call where a test is about something else: no success hangs on the machine's speed.
const PATIENCE: Duration = Duration::from_mins(1);

/// A database that no other test has.
struct Fresh {
    server: Arc<PostgresServer>,
    url: Url,
}

impl Fresh {
    async fn new() -> Self {
        let server = PostgresServer::get().await;
        let url = server.database().await;
        Self { server, url }
    }

    fn config(&self) -> StoreConfig {
        StoreConfig {
            deadline: PATIENCE,
            ..StoreConfig::new(self.url.as_str())
        }
    }

    /// A store in it, with the schema.
    async fn store(&self) -> SqlStore {
        let store = SqlStore::connect(&self.config()).await.unwrap();
        store.migrate().await.unwrap();
        store
    }

    /// The database as any other program sees it.
    async fn outsider(&self) -> DatabaseConnection {
        Database::connect(self.url.as_str()).await.unwrap()
    }
}
