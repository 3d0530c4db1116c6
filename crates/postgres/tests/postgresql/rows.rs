use std::time::Duration;

use lemon_domain::{
    ports::{
        Accounts, Deletion, Outbox, OutboxTask, PlaceRecord, READ_ATTEMPTS, Registrations,
        RequestOutcome, StoreError,
    },
    values::Credentials,
};
use lemon_testkit::Store as _;
use sea_orm::{ConnectionTrait, TransactionTrait};

use super::{
    Fresh,
    given::{
        account, learn_me, now, reads, reconcile, register, request_with_reads, sign_in, today,
    },
};

#[tokio::test]
async fn a_corrupt_row_stops_nobody_else() {
    let fresh = Fresh::new().await;
    let store = fresh.store().await;
    for n in 1..=3 {
        register(&store, n).await;
    }
    let db = fresh.outsider().await;
    for corruption in [
        "UPDATE outbox SET task = 'sing' WHERE provider_user_id = 1",
        "UPDATE outbox SET provider = 'MYSPACE' WHERE provider_user_id = 2",
        "UPDATE places SET turn = 99999999999 WHERE seat = 2",
    ] {
        db.execute_unprepared(corruption).await.unwrap();
    }
    let claimed = store.claim(10, Duration::from_mins(1), now()).await;
    let claimed = claimed.unwrap();
    let accounts: Vec<_> = claimed.iter().map(|entry| entry.account).collect();
    assert_eq!(accounts, [account(3)]);
    let places = store.places(&today()).await.unwrap();
    let seats: Vec<_> = places.iter().map(|place| place.seat).collect();
    assert_eq!(seats, [1, 3]);
}

#[tokio::test]
async fn a_corrupt_row_is_told_by_table_and_key_and_nothing_is_half_done() {
    let fresh = Fresh::new().await;
    let store = fresh.store().await;
    let identity = register(&store, 1).await;
    let db = fresh.outsider().await;
    db.execute_unprepared("UPDATE accounts SET provider = 'MYSPACE'")
        .await
        .unwrap();
    let deletion = Deletion {
        user: identity.user,
        service: learn_me(),
        at: now(),
    };
    match store.delete(deletion).await.unwrap_err() {
        StoreError::Corrupt { table, key, .. } => {
            assert_eq!((table, key.as_str()), ("accounts", "1"));
        }
        other => unreachable!("{other:?}"),
    }
    assert_eq!(store.list(identity.user).await.unwrap().len(), 1);
    assert!(store.account(account(1)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_row_of_the_outbox_that_nobody_can_read_is_set_aside_for_those_behind_it() {
    let fresh = Fresh::new().await;
    let store = fresh.store().await;
    register(&store, 1).await;
    let db = fresh.outsider().await;
    let minute = Duration::from_mins(1);
    // Its queue is away: who could read it has claimed it often.
    for attempt in 0..READ_ATTEMPTS {
        let claimed = store.claim(10, Duration::ZERO, now()).await.unwrap();
        assert_eq!(claimed[0].attempt, attempt + 1);
    }
    // A task of a version to come.
    let unknown = "UPDATE outbox SET task = 'sing'";
    db.execute_unprepared(unknown).await.unwrap();
    let behind = "INSERT INTO outbox (task, service, provider, provider_user_id, request_id, due_at, created_at)
        SELECT 'delete', service, provider, provider_user_id, request_id, due_at, created_at FROM outbox";
    db.execute_unprepared(behind).await.unwrap();
    for attempt in 0..READ_ATTEMPTS {
        let backlog = store.backlog(now()).await.unwrap();
        assert_eq!((backlog.rows, backlog.set_aside), (2, 0));
        let claimed = store.claim(10, minute, now() + attempt * minute).await;
        assert_eq!(claimed.unwrap(), []);
    }
    let at = now() + READ_ATTEMPTS * minute;
    let backlog = store.backlog(at).await.unwrap();
    assert_eq!((backlog.rows, backlog.set_aside), (1, 1));
    let claimed = store.claim(10, minute, at).await.unwrap();
    let tasks: Vec<_> = claimed.iter().map(|row| row.task).collect();
    assert_eq!(tasks, [OutboxTask::Delete]);
    // The operator mends it.
    let mend = "UPDATE outbox SET task = 'train', set_aside_at = NULL WHERE task = 'sing'";
    db.execute_unprepared(mend).await.unwrap();
    let claimed = store.claim(10, minute, at + minute).await.unwrap();
    let tasks: Vec<_> = claimed.iter().map(|row| row.task).collect();
    assert_eq!(tasks, [OutboxTask::Train]);
}

#[tokio::test]
async fn a_total_that_somebody_spoiled_is_right_again_after_a_reconciliation() {
    let fresh = Fresh::new().await;
    let store = fresh.store().await;
    let first = sign_in(&store, 1, &Credentials::new("token", "secret")).await;
    let stored = store.request(request_with_reads(first, 1)).await.unwrap();
    assert_eq!(stored, RequestOutcome::Registered);
    let db = fresh.outsider().await;
    for (n, spoil) in [
        (2, "UPDATE budget_totals SET units = 100"),
        (3, "DELETE FROM budget_totals"),
        (4, "UPDATE budget_totals SET units = 1"),
    ] {
        db.execute_unprepared(spoil).await.unwrap();
        reconcile(&store, &reads()).await;
        let recorded = u64::from(n - 1) * 20;
        assert_eq!(store.total(&reads()).await.unwrap(), recorded, "{spoil}");
        let who = sign_in(&store, n.into(), &Credentials::new("token", "secret")).await;
        let stored = store.request(request_with_reads(who, n)).await.unwrap();
        assert_eq!(stored, RequestOutcome::Registered, "{spoil}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_total_that_several_find_wrong_is_corrected_once() {
    let fresh = Fresh::new().await;
    let store = fresh.store().await;
    let other = fresh.store().await;
    let first = sign_in(&store, 1, &Credentials::new("token", "secret")).await;
    store.request(request_with_reads(first, 1)).await.unwrap();
    let db = fresh.outsider().await;
    for spoil in [
        "UPDATE budget_totals SET units = 1000",
        "UPDATE budget_totals SET units = 1",
        "DELETE FROM budget_totals",
    ] {
        db.execute_unprepared(spoil).await.unwrap();
        let corrections: Vec<_> = (0..16)
            .map(|n| {
                let store = if n % 2 == 0 {
                    store.clone()
                } else {
                    other.clone()
                };
                tokio::spawn(async move { store.correct_total(&reads()).await.unwrap() })
            })
            .collect();
        let mut corrected = 0;
        for correction in corrections {
            corrected += usize::from(correction.await.unwrap());
        }
        assert_eq!(corrected, 1, "{spoil}");
        assert_eq!(store.total(&reads()).await.unwrap(), 20, "{spoil}");
    }
}

#[tokio::test]
async fn no_lock_is_waited_for_to_find_a_total_right() {
    let fresh = Fresh::new().await;
    let store = fresh.store().await;
    let first = sign_in(&store, 1, &Credentials::new("token", "secret")).await;
    store.request(request_with_reads(first, 1)).await.unwrap();
    let db = fresh.outsider().await;
    let request = db.begin().await.unwrap();
    let add = "UPDATE budget_totals SET units = units + 20";
    request.execute_unprepared(add).await.unwrap();
    assert!(!store.correct_total(&reads()).await.unwrap());
    request.rollback().await.unwrap();
}
