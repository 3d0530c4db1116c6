//! Races that a lock of the database decides, held open by another program.

use lemon_domain::{
    ports::{Deletion, FinishOutcome, Registrations},
    values::{RequestId, TrainingReady},
};
use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait, prelude::Uuid};

use super::{
    Fresh, count,
    given::{learn_me, now, register},
    until,
};

/// Waits until a statement waits for a lock.
async fn somebody_waits(db: &DatabaseConnection) {
    let waiting =
        "pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    until(|| async { count(db, waiting).await > 0 }).await;
}

/// A request whose commit is under way when a ready message without a request id comes.
#[tokio::test]
async fn a_ready_message_waits_for_the_request_that_is_being_stored() {
    let fresh = Fresh::new().await;
    let store = fresh.store().await;
    let who = register(&store, 1).await;
    let deletion = Deletion {
        user: who.user,
        service: learn_me(),
        at: now(),
    };
    assert!(store.delete(deletion).await.unwrap().is_some());

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
    let outcome = finish.await.unwrap();
    assert!(matches!(outcome, FinishOutcome::Finished { user, .. } if user == who.user));
}
