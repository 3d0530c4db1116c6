use std::time::Duration;

use lemon_contracts::Store as _;
use lemon_domain::{
    ports::{Accounts, Deletion, Outbox, PlaceRecord, Registrations, StoreError},
    values::Credentials,
};
use sea_orm::{ConnectionTrait, TransactionTrait};

use super::{
    Fresh,
    given::{
        account, learn_me, now, reads, register, request_with_reads, sign_in, today,
        totals_are_corrected, unreadable_row_is_set_aside, wrong_total_is_corrected_once,
    },
};

#[tokio::test]
async fn a_corrupt_row_stops_no_other_call() {
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
    let accounts: Vec<_> = claimed.iter().map(|entry| entry.content.account).collect();
    assert_eq!(accounts, [account(3)]);
    let places = store.places(&today()).await.unwrap();
    let seats: Vec<_> = places.iter().map(|place| place.seat).collect();
    assert_eq!(seats, [1, 3]);
}

#[tokio::test]
async fn a_corrupt_row_is_named_by_table_and_key_and_nothing_is_half_done() {
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

/// `Outbox` 9.
#[tokio::test]
async fn an_unreadable_row_of_the_outbox_is_set_aside_for_the_rows_behind_it() {
    let fresh = Fresh::new().await;
    let store = fresh.store().await;
    unreadable_row_is_set_aside(&store, &fresh.outsider().await).await;
}

#[tokio::test]
async fn a_total_that_was_changed_by_hand_is_right_after_a_reconciliation() {
    let fresh = Fresh::new().await;
    let store = fresh.store().await;
    totals_are_corrected(&store, &fresh.outsider().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_total_that_several_callers_find_wrong_is_corrected_once() {
    let fresh = Fresh::new().await;
    let (store, other) = (fresh.store().await, fresh.store().await);
    wrong_total_is_corrected_once(&store, &other, &fresh.outsider().await).await;
}

#[tokio::test]
async fn a_check_of_a_right_total_waits_for_no_lock() {
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
