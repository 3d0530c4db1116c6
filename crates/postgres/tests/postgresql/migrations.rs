use std::time::Duration;

use lemon_domain::ports::{OverdueOutcome, OverdueStep, TrainingDeadlines};
use lemon_migrations::{Migrator, MigratorTrait, SchemaManager};
use lemon_postgres::SqlStore;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, TransactionTrait};
use tokio::time::{Instant, sleep, timeout};

use super::{
    Fresh,
    given::{learn_me, register},
};

/// Until when what must happen must have happened, on the slowest machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The last table to be made.
const LAST: &str = "budget_totals";

const TRAININGS: &str = "m20261126_000005_trainings";

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

/// Takes back the step of that name, and those after it.
async fn back_before(store: &SqlStore, step: &str) {
    let steps = Migrator::migrations();
    let before = steps.iter().position(|it| it.name() == step).unwrap();
    let steps = u32::try_from(steps.len() - before).unwrap();
    store.roll_back(steps).await.unwrap();
}

async fn count(db: &DatabaseConnection, what: &str) -> i64 {
    let select = format!("SELECT count(*) AS rows FROM {what}");
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, select));
    row.await.unwrap().unwrap().try_get("", "rows").unwrap()
}

#[tokio::test]
async fn a_sign_in_that_was_taken_goes_with_its_claim() {
    let fresh = Fresh::new().await;
    let store = fresh.store().await;
    let db = fresh.outsider().await;
    let put = "INSERT INTO pending_sign_ins (token, secret, secret_key_id, expires_at, claim) \
               VALUES ('free', 'x', 'k1', now(), NULL), ('taken', 'x', 'k1', now(), 'claim')";
    db.execute_unprepared(put).await.unwrap();
    back_before(&store, "m20261126_000006_sign_in_claims").await;
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
    back_before(&store, "m20261125_000004_attempts").await;
    db.execute_unprepared("UPDATE uses SET idempotency_key = 'attempt', position = 7")
        .await
        .unwrap();
    store.migrate().await.unwrap();
    let kept = "attempts WHERE idempotency_key = 'attempt' AND position = 7";
    assert_eq!(count(&db, kept).await, 1);
    back_before(&store, "m20261125_000004_attempts").await;
    let back = "uses WHERE idempotency_key = 'attempt' AND position = 7";
    assert_eq!(count(&db, back).await, 1);
}

#[tokio::test]
async fn units_that_were_taken_are_added_up_and_running_trainings_get_deadlines() {
    let fresh = Fresh::new().await;
    let store = fresh.store().await;
    for n in 1..=3 {
        register(&store, n).await;
    }
    let db = fresh.outsider().await;
    back_before(&store, TRAININGS).await;
    for earlier in [
        "INSERT INTO places SELECT service, 'reads', window_start, seat, user_id, turn, 3200, at, expires_at FROM places",
        "UPDATE registrations SET finished_request_id = request_id WHERE user_id = 1",
    ] {
        db.execute_unprepared(earlier).await.unwrap();
    }
    store.migrate().await.unwrap();
    assert_eq!(count(&db, "budget_totals").await, 1);
    let reads = "budget_totals WHERE budget = 'reads' AND units = 9600";
    assert_eq!(count(&db, reads).await, 1);
    let running = "registrations WHERE announced_at = requested_at AND user_id > 1";
    assert_eq!(count(&db, running).await, 2);
    let finished = "registrations WHERE announced_at IS NULL AND user_id = 1";
    assert_eq!(count(&db, finished).await, 1);
}

/// A replica of the version before writes into the newer schema, and knows nothing of what is new.
#[tokio::test]
async fn a_training_of_the_version_before_has_a_deadline_too() {
    let fresh = Fresh::new().await;
    let store = fresh.store().await;
    let who = register(&store, 1).await;
    let db = fresh.outsider().await;
    for earlier in [
        "DELETE FROM outbox",
        "DELETE FROM registrations",
        "INSERT INTO registrations (user_id, service, account_id, request_id, public, ready, can_use_at, requested_at)
             SELECT user_id, 'LEARNME', id, gen_random_uuid(), false, false, now(), now() FROM accounts",
        "UPDATE registrations SET announced_at = announced_at - interval '2 hours'",
    ] {
        db.execute_unprepared(earlier).await.unwrap();
    }
    let far_ahead = "2100-01-01T00:00:00Z".parse().unwrap();
    let overdue = async || {
        let hour = Duration::from_hours(1);
        let found = store.overdue(&learn_me(), hour, None, 10, far_ahead).await;
        found.unwrap()
    };
    let found = overdue().await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].user, found[0].announcements), (who.user, 1));
    // It finishes as the version before has it.
    db.execute_unprepared(
        "UPDATE registrations SET finished_request_id = request_id, ready = true",
    )
    .await
    .unwrap();
    assert_eq!(overdue().await, []);
    let outcome = store.settle(&found[0], OverdueStep::Announce).await;
    assert_eq!(outcome.unwrap(), OverdueOutcome::Overtaken);
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

/// The number of the lock.
const LOCK: i64 = 465_558_138_734;

async fn number(db: &DatabaseConnection, select: &str) -> i64 {
    let select = Statement::from_string(DbBackend::Postgres, select);
    let row = db.query_one_raw(select).await.unwrap().unwrap();
    row.try_get("", "number").unwrap()
}

#[tokio::test]
async fn no_lock_is_waited_for_where_nothing_is_missing() {
    let fresh = Fresh::new().await;
    let store = fresh.store().await;
    let db = fresh.outsider().await;
    let migrating = db.begin().await.unwrap();
    migrating
        .execute_unprepared(&format!("SELECT pg_advisory_xact_lock({LOCK})"))
        .await
        .unwrap();
    timeout(PATIENCE, store.migrate()).await.unwrap().unwrap();
    let waiting = tokio::spawn(async move { store.roll_back(1).await });
    let give_up = Instant::now() + PATIENCE;
    let waits = "SELECT count(*) AS number FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    while number(&db, waits).await == 0 {
        assert!(Instant::now() < give_up && !waiting.is_finished());
        sleep(Duration::from_millis(20)).await;
    }
    migrating.rollback().await.unwrap();
    waiting.await.unwrap().unwrap();
}
