use std::time::Duration;

use chrono::TimeDelta;
use lemon_domain::{
    ports::{
        Deletion, Outbox, OverdueOutcome, OverdueStep, OverdueTraining, Registrations,
        TrainingDeadlines,
    },
    values::{RequestId, TrainingReady},
};
use lemon_migrations::{Migrator, MigratorTrait, SchemaManager};
use lemon_postgres::{PostgresError, SqlStore, StoreConfig};
use lemon_test_servers::Link;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, TransactionTrait, prelude::Uuid,
};
use tokio::{task::JoinHandle, time::timeout};

use super::{
    Fresh, PATIENCE, count,
    given::{learn_me, now, register},
    until,
};

/// The last table to be made.
const LAST: &str = "job_tickets";

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
pub(crate) async fn back_before(store: &SqlStore, step: &str) {
    let steps = Migrator::migrations();
    let before = steps.iter().position(|it| it.name() == step).unwrap();
    let steps = u32::try_from(steps.len() - before).unwrap();
    store.roll_back(steps).await.unwrap();
}

#[tokio::test]
async fn a_taken_sign_in_is_removed_with_its_claim_column() {
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
async fn an_attempt_moves_from_its_use_to_its_own_table_and_back() {
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

/// What is overdue by now.
async fn overdue(store: &SqlStore) -> Vec<OverdueTraining> {
    let far_ahead = "2100-01-01T00:00:00Z".parse().unwrap();
    let hour = Duration::from_hours(1);
    let found = store.overdue(&learn_me(), hour, None, 10, far_ahead).await;
    found.unwrap()
}

/// A replica of the version before writes into the newer schema, and knows nothing of what is new.
#[tokio::test]
async fn a_training_of_the_previous_version_has_a_deadline_too() {
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
    let found = overdue(&store).await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].user, found[0].announcements), (who.user, 1));
    // It finishes as the version before has it.
    db.execute_unprepared(
        "UPDATE registrations SET finished_request_id = request_id, ready = true",
    )
    .await
    .unwrap();
    assert_eq!(overdue(&store).await, []);
    let outcome = store.settle(&found[0], OverdueStep::Announce).await;
    assert_eq!(outcome.unwrap(), OverdueOutcome::Overtaken);
}

/// What a replica of the version before stores of a repeated request, a day after the one before.
const REPEATED: [&str; 2] = [
    "INSERT INTO uses (user_id, service, turn, window_start, cooldown_until, expires_at)
         SELECT user_id, service, turn + 1, window_start, cooldown_until, expires_at FROM uses
         ON CONFLICT (user_id, service) DO UPDATE SET turn = excluded.turn, window_start = excluded.window_start,
         cooldown_until = excluded.cooldown_until, expires_at = excluded.expires_at",
    "INSERT INTO registrations (user_id, service, account_id, request_id, public, ready, can_use_at, requested_at)
         SELECT user_id, service, account_id, gen_random_uuid(), false, false, can_use_at, requested_at + interval '1 day'
         FROM registrations ON CONFLICT (user_id, service) DO UPDATE SET account_id = excluded.account_id,
         request_id = excluded.request_id, can_use_at = excluded.can_use_at, requested_at = excluded.requested_at",
];

#[tokio::test]
async fn a_repeated_training_of_the_previous_version_has_its_own_deadline() {
    for before in [
        // Finished by this version.
        "UPDATE registrations SET finished_request_id = request_id, announced_at = NULL",
        // Finished by the version before, when it had been announced as often as it may be.
        "UPDATE registrations SET finished_request_id = request_id, announcements = 3",
        // Failed.
        "UPDATE registrations SET failed_request_id = request_id, announced_at = NULL, announcements = 3",
    ] {
        let fresh = Fresh::new().await;
        let store = fresh.store().await;
        register(&store, 1).await;
        let db = fresh.outsider().await;
        for sql in [before].into_iter().chain(REPEATED) {
            db.execute_unprepared(sql).await.unwrap();
        }
        let found = overdue(&store).await;
        assert_eq!(found.len(), 1, "{before}");
        assert_eq!(found[0].announcements, 1, "{before}");
        assert_eq!(found[0].announced_at, now() + TimeDelta::days(1));
    }
}

#[tokio::test]
async fn a_training_that_a_replica_left_without_a_deadline_begins_from_the_step_on() {
    let fresh = Fresh::new().await;
    let store = fresh.store().await;
    for n in 1..=7 {
        register(&store, n).await;
    }
    let db = fresh.outsider().await;
    back_before(&store, "m20261126_000009_replicas_before").await;
    for earlier in [
        // Asked for again where the request before was finished, by this version or by that one, or had failed.
        "UPDATE registrations SET announced_at = NULL, announcements = 3, finished_request_id = gen_random_uuid()
             WHERE user_id = 1",
        "UPDATE registrations SET announced_at = requested_at - interval '7 days', announcements = 3,
             finished_request_id = gen_random_uuid() WHERE user_id = 2",
        "UPDATE registrations SET announced_at = NULL, announcements = 3, failed_request_id = gen_random_uuid()
             WHERE user_id = 3",
        // Finished, failed, and running as they should.
        "UPDATE registrations SET announced_at = NULL, finished_request_id = request_id WHERE user_id = 4",
        "UPDATE registrations SET announced_at = NULL, announcements = 3, failed_request_id = request_id
             WHERE user_id = 5",
        "UPDATE registrations SET announced_at = requested_at + interval '1 hour', announcements = 2 WHERE user_id = 6",
    ] {
        db.execute_unprepared(earlier).await.unwrap();
    }
    store.migrate().await.unwrap();
    let mended = "announced_at > requested_at AND announcements = 1 AND user_id <= 3";
    let mended =
        format!("(SELECT DISTINCT announced_at FROM registrations WHERE {mended}) AS mended");
    assert_eq!(count(&db, &mended).await, 3);
    for (user, as_it_was) in [
        (4, "announced_at IS NULL"),
        (5, "announced_at IS NULL AND announcements = 3"),
        (
            6,
            "announced_at = requested_at + interval '1 hour' AND announcements = 2",
        ),
        (7, "announced_at = requested_at AND announcements = 1"),
    ] {
        let left = format!("registrations WHERE user_id = {user} AND {as_it_was}");
        assert_eq!(count(&db, &left).await, 1, "{user}");
    }
}

#[tokio::test]
async fn a_repeated_use_of_the_previous_version_does_not_name_the_previous_request() {
    let fresh = Fresh::new().await;
    let store = fresh.store().await;
    let who = register(&store, 1).await;
    let db = fresh.outsider().await;
    for sql in REPEATED {
        db.execute_unprepared(sql).await.unwrap();
    }
    let deletion = Deletion {
        user: who.user,
        service: learn_me(),
        at: now(),
    };
    assert!(store.delete(deletion).await.unwrap().is_some());
    let deleted = store.claim(10, Duration::ZERO, now()).await.unwrap();
    store.remove(&[deleted[0].id]).await.unwrap();
    let ready = TrainingReady {
        account: who.account,
        service: learn_me(),
        request_id: None,
    };
    let spare = RequestId::new(Uuid::max());
    store.finish(&ready, spare, now()).await.unwrap();
    let again = store.claim(10, Duration::ZERO, now()).await.unwrap();
    assert_eq!(again[0].request_id, spare);
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

/// Who waits for it.
const WAITING: &str = "pg_locks WHERE locktype = 'advisory' AND NOT granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

#[tokio::test]
async fn a_migration_without_missing_steps_waits_for_no_lock() {
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
    until(|| async { count(&db, WAITING).await > 0 }).await;
    assert!(!waiting.is_finished());
    migrating.rollback().await.unwrap();
    waiting.await.unwrap().unwrap();
}

/// A store whose line to a database with the schema a test can silence.
async fn linked(fresh: &Fresh) -> (Link, SqlStore) {
    fresh.store().await;
    let link = Link::to(fresh.server.address()).await;
    let mut url = fresh.url.clone();
    url.set_port(Some(link.port())).unwrap();
    let config = StoreConfig::new(url.as_str()).with_deadline(Duration::from_secs(5));
    (link, SqlStore::connect(&config).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silently_cut_migration_does_not_wait_for_the_lock() {
    let fresh = Fresh::new().await;
    let (link, store) = linked(&fresh).await;
    let db = fresh.outsider().await;
    let migrating = db.begin().await.unwrap();
    let lock = format!("SELECT pg_advisory_xact_lock({LOCK})");
    migrating.execute_unprepared(&lock).await.unwrap();
    let waiting = tokio::spawn(async move { store.roll_back(1).await });
    until(|| async { count(&db, WAITING).await > 0 }).await;
    link.silence();
    let ended = timeout(PATIENCE, waiting).await.unwrap().unwrap();
    assert!(
        matches!(ended, Err(PostgresError::Migration { .. })),
        "{ended:?}"
    );
    migrating.rollback().await.unwrap();
}

/// Somebody uses what each step writes to, so that a migration waits in the middle of its work.
const USED: &str = "LOCK TABLE lemon_migrations IN SHARE MODE";

/// Who waits for that.
const IN_THE_MIDDLE: &str =
    "pg_locks WHERE NOT granted AND relation = 'lemon_migrations'::regclass";

/// A migration that waits, and the line and the user for whom it does.
async fn in_the_middle(
    fresh: &Fresh,
    db: &DatabaseConnection,
) -> (
    Link,
    DatabaseTransaction,
    JoinHandle<Result<(), PostgresError>>,
) {
    let (link, store) = linked(fresh).await;
    let using = db.begin().await.unwrap();
    using.execute_unprepared(USED).await.unwrap();
    let migrating = tokio::spawn(async move { store.roll_back(1).await });
    until(|| async { count(db, IN_THE_MIDDLE).await > 0 }).await;
    (link, using, migrating)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silently_cut_migration_ends_with_its_session() {
    let fresh = Fresh::new().await;
    let db = fresh.outsider().await;
    let (link, using, migrating) = in_the_middle(&fresh, &db).await;
    link.silence();
    // As the server does by itself after a while, for the session is idle then.
    let end = format!("SELECT pg_terminate_backend(pid) FROM {IN_THE_MIDDLE}");
    db.execute_unprepared(&end).await.unwrap();
    let ended = timeout(PATIENCE, migrating).await.unwrap().unwrap();
    assert!(
        matches!(ended, Err(PostgresError::Migration { .. })),
        "{ended:?}"
    );
    using.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_whose_server_no_longer_answers_ends() {
    let fresh = Fresh::new().await;
    let db = fresh.outsider().await;
    let (link, using, migrating) = in_the_middle(&fresh, &db).await;
    link.stall();
    let ended = timeout(2 * PATIENCE, migrating).await.unwrap().unwrap();
    assert!(
        matches!(ended, Err(PostgresError::Migration { .. })),
        "{ended:?}"
    );
    using.rollback().await.unwrap();
}
