use std::{sync::Arc, time::Duration};

use lemon_domain::ports::{Expiring, Housekeeping, PURGE_PORTION};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use tokio::sync::watch;

use super::{
    files::{folder, outsider, store},
    given::register,
};

const MANY: u64 = 100_000;

async fn abandon_many(db: &DatabaseConnection) {
    let insert = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY}) \
         INSERT INTO pending_sign_ins (token, secret, secret_key_id, expires_at) \
         SELECT 'token-' || i, zeroblob(64), 'k1', '2020-11-22T12:00:00+00:00' FROM n"
    );
    db.execute_unprepared(&insert).await.unwrap();
}

async fn count(db: &DatabaseConnection) -> i64 {
    let count = "SELECT count(*) AS rows FROM pending_sign_ins".to_owned();
    let row = db.query_one_raw(Statement::from_string(DbBackend::Sqlite, count));
    row.await.unwrap().unwrap().try_get("", "rows").unwrap()
}

/// Each portion and each registration is within the store's deadline, whoever waits for the one writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_abandoned_sign_ins_are_removed_while_people_register() {
    let (_folder, file) = folder();
    let store = Arc::new(store(&file).await);
    let db = outsider(&file).await;
    abandon_many(&db).await;
    let (purged, is_purged) = watch::channel(false);
    let registering = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            let mut n = 0;
            // As many as there are places.
            while n == 0 || n < 400 && !*is_purged.borrow() {
                n += 1;
                register(&store, n).await;
            }
            n
        }
    });
    let (mut rows, mut portions) = (0, 0);
    loop {
        let now = store.time().await.unwrap() + Duration::from_hours(24);
        let portion = store.purge(Expiring::PendingSignIns, now).await.unwrap();
        assert!(portion.rows <= u64::from(PURGE_PORTION));
        (rows, portions) = (rows + portion.rows, portions + 1);
        if !portion.more {
            break;
        }
        tokio::task::yield_now().await;
    }
    purged.send_replace(true);
    assert_eq!(rows, MANY);
    assert!(portions > MANY / u64::from(PURGE_PORTION));
    assert_eq!(count(&db).await, 0);
    assert!(registering.await.unwrap() > 0);
}
