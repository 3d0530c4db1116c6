//! Races that a lock of the database decides, held open by another program.

use std::time::Duration;

use lemon_domain::{
    ports::{
        Deletion, FinishOutcome, JobTickets, NewTicket, People, Registrations, ResealedSecret,
        SealedSecrets, TicketClaim, TicketOutcome,
    },
    values::{Credentials, Identity, RequestId, Task, TaskKind, TicketDigest, TrainingReady},
};
use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait, prelude::Uuid};

use super::{
    Fresh, count,
    given::{account, learn_me, now, register, sign_in},
    until,
};

const HOUR: Duration = Duration::from_hours(1);

/// A ticket for a job of the person whose registration has their number as its request id.
fn ticket(n: u8, kind: TaskKind, who: Identity) -> NewTicket {
    NewTicket {
        digest: TicketDigest([n; 32]),
        task: Task {
            kind,
            service: learn_me(),
            account: who.account,
        },
        request_id: RequestId::new(Uuid::from_u128(1)),
        issued_at: now(),
        expires_at: now() + HOUR,
    }
}

/// A claim that comes too late.
fn late(ticket: &NewTicket) -> TicketClaim {
    TicketClaim {
        digest: ticket.digest,
        kind: ticket.task.kind,
        request_id: ticket.request_id,
        at: ticket.expires_at,
    }
}

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

/// A worker redeems an expired ticket, which puts its notification again, while the person is forgotten.
#[tokio::test]
async fn who_forgets_a_person_withdraws_what_a_ticket_has_put_again() {
    let fresh = Fresh::new().await;
    let store = fresh.store().await;
    let who = register(&store, 1).await;
    store
        .issue(&[ticket(1, TaskKind::Notify, who)])
        .await
        .unwrap();

    let db = fresh.outsider().await;
    let redemption = db.begin().await.unwrap();
    let lock = "SELECT 1 FROM job_tickets FOR UPDATE";
    redemption.execute_unprepared(lock).await.unwrap();
    let forget = tokio::spawn(async move { store.forget(who.account, now()).await.unwrap() });
    somebody_waits(&db).await;
    let put = "INSERT INTO outbox (task, service, provider, provider_user_id, request_id, due_at, created_at)
        SELECT 'notify', service, provider, provider_user_id, request_id, now(), now() FROM job_tickets";
    redemption.execute_unprepared(put).await.unwrap();
    redemption.commit().await.unwrap();
    // The training and the notification.
    assert_eq!(forget.await.unwrap().unwrap().withdrawn, 2);
    assert_eq!(count(&db, "outbox WHERE task <> 'delete'").await, 0);
}

/// A registration whose deletion is about to be committed when its ticket is redeemed too late.
#[tokio::test]
async fn a_ticket_waits_for_the_deletion_of_its_registration_and_puts_nothing_after_it() {
    for kind in [TaskKind::Train, TaskKind::Notify] {
        let fresh = Fresh::new().await;
        let store = fresh.store().await;
        let who = register(&store, 1).await;
        let ticket = ticket(1, kind, who);
        store.issue(std::slice::from_ref(&ticket)).await.unwrap();

        let db = fresh.outsider().await;
        let deletion = db.begin().await.unwrap();
        for statement in [
            "DELETE FROM registrations",
            "DELETE FROM outbox",
            "INSERT INTO outbox (task, service, provider, provider_user_id, request_id, due_at, created_at)
                SELECT 'delete', service, provider, provider_user_id, request_id, now(), now() FROM job_tickets",
        ] {
            deletion.execute_unprepared(statement).await.unwrap();
        }
        let claim = late(&ticket);
        let redeem = tokio::spawn(async move { store.redeem(&claim).await.unwrap() });
        somebody_waits(&db).await;
        deletion.commit().await.unwrap();
        let expected = match kind {
            TaskKind::Train => TicketOutcome::Void,
            _ => TicketOutcome::Expired,
        };
        assert_eq!(redeem.await.unwrap(), expected);
        assert_eq!(count(&db, "outbox WHERE task <> 'delete'").await, 0);
    }
}

/// Two people whose accounts are neither in the order of their numbers nor of the table's file.
async fn two_people(fresh: &Fresh) -> [Identity; 2] {
    let store = fresh.store().await;
    let credentials = Credentials::new("token", "secret");
    let first = sign_in(&store, 3, &credentials).await;
    let second = sign_in(&store, 1, &credentials).await;
    // Its new version comes last in the file, and in the index.
    let update = "UPDATE accounts SET provider_user_id = 2 WHERE provider_user_id = 3";
    let db = fresh.outsider().await;
    db.execute_unprepared(update).await.unwrap();
    let first = Identity {
        account: account(2),
        ..first
    };
    [first, second]
}

/// Runs a call on both accounts while the first one is locked: it may have locked nothing but waits for that.
async fn locks_the_first_account_first<C: Future<Output: Send> + Send + 'static>(
    fresh: &Fresh,
    call: C,
) -> C::Output {
    let db = fresh.outsider().await;
    let other = db.begin().await.unwrap();
    let locking = |number: u8, more: &str| {
        format!("SELECT 1 FROM accounts WHERE provider_user_id = {number} FOR UPDATE {more}")
    };
    other.execute_unprepared(&locking(2, "")).await.unwrap();
    let call = tokio::spawn(call);
    somebody_waits(&db).await;
    let second = other.execute_unprepared(&locking(1, "NOWAIT")).await;
    assert!(
        second.is_ok(),
        "it has locked the second account: {second:?}"
    );
    other.commit().await.unwrap();
    call.await.unwrap()
}

#[tokio::test]
async fn tickets_are_issued_with_the_accounts_locked_in_the_order_of_their_rows() {
    let fresh = Fresh::new().await;
    let store = fresh.store().await;
    let [first, second] = two_people(&fresh).await;
    let tickets = [
        ticket(1, TaskKind::Notify, second),
        ticket(2, TaskKind::Notify, first),
    ];
    let issue = async move { store.issue(&tickets).await.unwrap() };
    locks_the_first_account_first(&fresh, issue).await;
    let db = fresh.outsider().await;
    assert_eq!(count(&db, "job_tickets").await, 2);
}

#[tokio::test]
async fn accounts_are_resealed_in_the_order_of_their_rows() {
    let fresh = Fresh::new().await;
    let store = fresh.store().await;
    two_people(&fresh).await;
    let mut stored = store.sealed_with("test", 0, 10).await.unwrap();
    stored.reverse();
    let secrets: Vec<_> = stored
        .into_iter()
        .map(|stored| ResealedSecret {
            fresh: stored.sealed.clone(),
            stored,
        })
        .collect();
    let reseal = async move { store.reseal(&secrets).await.unwrap() };
    assert_eq!(locks_the_first_account_first(&fresh, reseal).await, 2);
}
