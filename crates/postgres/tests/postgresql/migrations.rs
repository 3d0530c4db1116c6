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

/// How many migrations are taken back until this one is.
fn steps_back_to(name: &str) -> u32 {
    let all = Migrator::migrations();
    let earlier = all.iter().take_while(|step| step.name() != name).count();
    u32::try_from(all.len() - earlier).unwrap()
}

#[tokio::test]
async fn a_sign_in_that_was_taken_goes_with_its_claim() {
    let fresh = Fresh::new().await;
    let store = fresh.store().await;
    let db = fresh.outsider().await;
    let put = "INSERT INTO pending_sign_ins (token, secret, secret_key_id, expires_at, claim) \
               VALUES ('free', 'x', 'k1', now(), NULL), ('taken', 'x', 'k1', now(), 'claim')";
    db.execute_unprepared(put).await.unwrap();
    let before = steps_back_to("m20261126_000006_sign_in_claims");
    store.roll_back(before).await.unwrap();
    let left = "DELETE FROM pending_sign_ins WHERE token = 'free'";
    let all = "DELETE FROM pending_sign_ins";
    for (delete, rows) in [(left, 1), (all, 0)] {
        let deleted = db.execute_unprepared(delete).await.unwrap();
        assert_eq!(deleted.rows_affected(), rows);
    }
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
    let before = steps_back_to("m20261125_000004_attempts");
    store.roll_back(before).await.unwrap();
    db.execute_unprepared("UPDATE uses SET idempotency_key = 'attempt', position = 7")
        .await
        .unwrap();
    store.migrate().await.unwrap();
    let kept = "attempts WHERE idempotency_key = 'attempt' AND position = 7";
    assert_eq!(count(kept).await, 1);
    store.roll_back(before).await.unwrap();
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
