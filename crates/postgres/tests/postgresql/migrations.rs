use lemon_migrations::{Migrator, MigratorTrait, SchemaManager};
use lemon_postgres::SqlStore;
use sea_orm::ConnectionTrait;

use super::{Fresh, given::register};

/// The last table to be made.
const LAST: &str = "attempts";

#[tokio::test]
async fn migrations_go_forward_and_back_and_forward_again() {
    let fresh = Fresh::new().await;
    let store = fresh.store().await;
    register(&store, 1).await;
    let db = fresh.outsider().await;
    let tables = SchemaManager::new(&db);
    assert!(tables.has_table(LAST).await.unwrap());
    let steps = u32::try_from(Migrator::migrations().len()).unwrap();
    for left in (0..steps).rev() {
        store.roll_back(1).await.unwrap();
        let missing = store.pending_migrations().await.unwrap().len();
        assert_eq!(missing, usize::try_from(steps - left).unwrap());
    }
    for table in ["users", "registrations", "outbox", LAST] {
        assert!(!tables.has_table(table).await.unwrap(), "{table}");
    }
    store.migrate().await.unwrap();
    assert!(tables.has_table(LAST).await.unwrap());
}

#[tokio::test]
async fn an_attempt_that_was_kept_with_its_use_is_kept_on_its_own_and_back() {
    let fresh = Fresh::new().await;
    let store = fresh.store().await;
    register(&store, 1).await;
    let db = fresh.outsider().await;
    let count = async |what: &str| {
        let select = format!("SELECT count(*) AS rows FROM {what}");
        let row = db.query_one_raw(sea_orm::Statement::from_string(
            sea_orm::DbBackend::Postgres,
            select,
        ));
        let rows: i64 = row.await.unwrap().unwrap().try_get("", "rows").unwrap();
        rows
    };
    store.roll_back(1).await.unwrap();
    db.execute_unprepared("UPDATE uses SET idempotency_key = 'attempt', position = 7")
        .await
        .unwrap();
    store.migrate().await.unwrap();
    let kept = "attempts WHERE idempotency_key = 'attempt' AND position = 7";
    assert_eq!(count(kept).await, 1);
    store.roll_back(1).await.unwrap();
    let back = "uses WHERE idempotency_key = 'attempt' AND position = 7";
    assert_eq!(count(back).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_together_migrate_once() {
    let fresh = Fresh::new().await;
    let starts: Vec<_> = (0..8)
        .map(|_| {
            let config = fresh.config();
            tokio::spawn(async move {
                let store = SqlStore::connect(&config).await?;
                store.migrate().await
            })
        })
        .collect();
    for start in starts {
        start.await.unwrap().unwrap();
    }
    let db = fresh.outsider().await;
    assert!(SchemaManager::new(&db).has_table(LAST).await.unwrap());
}
