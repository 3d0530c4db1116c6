//! Races that a lock of the database decides, held open by another program.

use std::time::Duration;

use lemon_domain::{
    ports::{Deletion, FinishOutcome, Registrations},
    values::{RequestId, TrainingReady},
};
use lemon_postgres::{SqlStore, StoreConfig};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, Statement, TransactionTrait, prelude::Uuid,
};

use super::{
    Fresh,
    given::{learn_me, now, register},
};

/// How long anything may take before it is a failure.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until a statement waits for a lock.
async fn somebody_waits(db: &DatabaseConnection) {
    let waiting = "SELECT count(*) AS waiting FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let looking = async {
        loop {
            let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, waiting));
            let waiting: i64 = row.await.unwrap().unwrap().try_get("", "waiting").unwrap();
            if waiting > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waits = tokio::time::timeout(PATIENCE, looking).await;
    assert!(waits.is_ok(), "nobody waits for the lock");
}

/// A request whose commit is under way when a ready message without a request id comes.
#[tokio::test]
async fn a_ready_message_waits_for_the_request_that_is_being_stored() {
    let fresh = Fresh::new().await;
    let config = StoreConfig {
        deadline: PATIENCE,
        ..fresh.config()
    };
    let store = SqlStore::connect(&config).await.unwrap();
    store.migrate().await.unwrap();
    let who = register(&store, 1).await;
    let deletion = Deletion {
        user: who.user,
        service: learn_me(),
        at: now(),
    };
    assert!(store.delete(deletion).await.unwrap());

    let db = fresh.outsider().await;
    let request = db.begin().await.unwrap();
    for statement in [
        "INSERT INTO registrations (user_id, service, account_id, request_id, public, ready, can_use_at, requested_at)
             SELECT user_id, 'LEARNME', id, gen_random_uuid(), false, false, now(), now() FROM accounts",
        "INSERT INTO outbox (task, service, provider, provider_user_id, request_id, due_at, created_at)
             SELECT 'train', 'LEARNME', provider, provider_user_id, gen_random_uuid(), now(), now() FROM accounts",
    ] {
        request.execute_unprepared(statement).await.unwrap();
    }
    let ready = TrainingReady {
        account: who.account,
        service: learn_me(),
        request_id: None,
    };
    let finish = tokio::spawn(async move {
        let spare = RequestId::new(Uuid::max());
        store.finish(&ready, spare, now()).await.unwrap()
    });
    somebody_waits(&db).await;
    request.commit().await.unwrap();
    assert_eq!(finish.await.unwrap(), FinishOutcome::Finished);
}
