//! What the ports do not show of PostgreSQL: the schema and its version, rows that somebody spoiled, and the way there.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod callers;
mod clocks;
mod configuration;
mod connecting;
mod earlier;
#[path = "../given/mod.rs"]
mod given;
mod migrating;
mod migrations;
mod neighbour;
mod plans;
mod poolers;
mod purge;
mod races;
mod records;
mod rights;
mod rows;
mod sign_ins;
mod together;

use std::{sync::Arc, time::Duration};

use lemon_postgres::{SqlStore, StoreConfig};
use lemon_test_servers::PostgresServer;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use tokio::time::{Instant, sleep};
use url::Url;

/// The deadline of a call where a test is about something else, and until when what must happen must have happened: no
/// success hangs on the machine's speed.
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
        StoreConfig::new(self.url.as_str()).with_deadline(PATIENCE)
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

/// How many rows a query answers.
async fn count(db: &DatabaseConnection, from: &str) -> i64 {
    let select = format!("SELECT count(*) AS rows FROM {from}");
    let select = Statement::from_string(DbBackend::Postgres, select);
    let row = db.query_one_raw(select).await.unwrap().unwrap();
    row.try_get("", "rows").unwrap()
}

/// Tries until it holds.
async fn until<H: Future<Output = bool>>(mut holds: impl FnMut() -> H) {
    let give_up = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < give_up, "it did not come to hold");
        sleep(Duration::from_millis(20)).await;
    }
}
