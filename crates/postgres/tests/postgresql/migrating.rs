//! A migration beside replicas that run.

use sea_orm::{ConnectionTrait, DatabaseTransaction, TransactionTrait};
use tokio::{task::JoinHandle, time::timeout};

use lemon_postgres::{PostgresError, SqlStore};

use super::{Fresh, PATIENCE, count, given::register, migrations::back_before, until};

/// The first of the steps that meet running replicas in these tests.
const SET_ASIDE: &str = "m20261126_000008_outbox_set_aside";

/// Who waits for a table.
const WAITING: &str = "pg_locks WHERE NOT granted AND locktype = 'relation'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// A database of the step before, in which somebody has registered.
async fn before(fresh: &Fresh) -> SqlStore {
    let store = fresh.store().await;
    register(&store, 1).await;
    back_before(&store, SET_ASIDE).await;
    store
}

/// A transaction in the middle, and a migration that waits for it.
async fn meeting(
    fresh: &Fresh,
    store: SqlStore,
    begun: [&str; 2],
) -> (DatabaseTransaction, JoinHandle<Result<(), PostgresError>>) {
    let db = fresh.outsider().await;
    let tx = db.begin().await.unwrap();
    for sql in begun {
        tx.execute_unprepared(sql).await.unwrap();
    }
    let migrating = tokio::spawn(async move { store.migrate().await });
    until(|| async { count(&db, WAITING).await > 0 }).await;
    (tx, migrating)
}

async fn migrated(migrating: JoinHandle<Result<(), PostgresError>>) {
    timeout(PATIENCE, migrating)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

/// What the calls that write to several tables lock first, and then.
const CALLS: [(&str, &[&str]); 4] = [
    // A request.
    (
        "UPDATE uses SET turn = turn",
        &[
            "UPDATE registrations SET ready = ready",
            "DELETE FROM outbox",
            "UPDATE places SET at = at",
        ],
    ),
    // A training is finished.
    (
        "SELECT ready FROM registrations FOR UPDATE",
        &[
            "SELECT turn FROM uses",
            "UPDATE registrations SET ready = ready",
            "DELETE FROM outbox",
        ],
    ),
    // A registration is deleted.
    ("DELETE FROM registrations", &["DELETE FROM outbox"]),
    // A training fails.
    (
        "SELECT turn FROM uses FOR UPDATE",
        &[
            "SELECT ready FROM registrations FOR UPDATE",
            "SELECT id FROM outbox",
            "UPDATE registrations SET ready = ready",
            "UPDATE uses SET turn = turn",
            "DELETE FROM places",
        ],
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_waits_for_the_transactions_of_a_replica() {
    for (begun, rest) in CALLS {
        let fresh = Fresh::new().await;
        let store = before(&fresh).await;
        // If each waited for the other, it would be the call that ends.
        let first = "SET LOCAL deadlock_timeout = '1ms'";
        let (call, migrating) = meeting(&fresh, store, [first, begun]).await;
        for sql in rest {
            let done = call.execute_unprepared(sql).await;
            assert!(done.is_ok(), "{begun}, then {sql}: {done:?}");
        }
        call.commit().await.unwrap();
        migrated(migrating).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_cannot_lock_its_tables_is_tried_again() {
    let fresh = Fresh::new().await;
    let store = before(&fresh).await;
    let never = "SET LOCAL deadlock_timeout = '1h'";
    let (other, migrating) = meeting(&fresh, store, [never, "DELETE FROM outbox"]).await;
    // The order of nobody: each waits for the other.
    let turned = other.execute_unprepared("UPDATE uses SET turn = turn");
    timeout(PATIENCE, turned).await.unwrap().unwrap();
    other.commit().await.unwrap();
    migrated(migrating).await;
}
