use std::time::Duration;

use chrono::TimeDelta;
use lemon_contracts::Store as _;
use lemon_domain::ports::{
    Accounts, Deletion, Expiring, Housekeeping, Outbox, READ_ATTEMPTS, Registrations, StoreError,
};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::{
    files::{folder, outsider, store},
    given::{
        account, learn_me, now, register, today, totals_are_corrected, unreadable_row_is_set_aside,
        wrong_total_is_corrected_once,
    },
};

#[tokio::test]
async fn a_corrupt_row_stops_no_other_call() {
    let (_folder, file) = folder();
    let store = store(&file).await;
    for n in 1..=3 {
        register(&store, n).await;
    }
    let db = outsider(&file).await;
    for corruption in [
        "UPDATE outbox SET task = 'sing' WHERE provider_user_id = 1",
        "UPDATE outbox SET due_at = 'noon', request_id = 'none' WHERE provider_user_id = 2",
        "UPDATE outbox SET due_at = '2026-11-22T12:00:00+00:00' WHERE provider_user_id = 2",
        "UPDATE places SET turn = 99999999999 WHERE seat = 2",
        "INSERT INTO registrations SELECT user_id, 'no service', account_id, 'none', public, ready, can_use_at,
             requested_at, NULL, NULL, NULL, 1, NULL FROM registrations WHERE user_id = 1",
    ] {
        db.execute_unprepared(corruption).await.unwrap();
    }
    let claimed = store
        .claim(10, Duration::from_mins(1), now())
        .await
        .unwrap();
    let accounts: Vec<_> = claimed.iter().map(|entry| entry.content.account).collect();
    assert_eq!(accounts, [account(3)]);
    let places = store.places(&today()).await.unwrap();
    assert_eq!(
        places.iter().map(|place| place.seat).collect::<Vec<_>>(),
        [1, 3]
    );
    let first = store.account(account(1)).await.unwrap().unwrap();
    assert_eq!(store.list(first.user).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_corrupt_row_is_named_by_table_and_key_and_nothing_is_half_done() {
    let (_folder, file) = folder();
    let store = store(&file).await;
    let identity = register(&store, 1).await;
    let db = outsider(&file).await;
    for corruption in [
        "UPDATE uses SET turn = 99999999999",
        "UPDATE accounts SET provider = 'MYSPACE'",
    ] {
        db.execute_unprepared(corruption).await.unwrap();
    }
    let last_use = store.last_use(identity.user, &learn_me()).await;
    let told = corrupt(last_use.unwrap_err());
    assert_eq!(told, ("uses", "1/LEARNME".to_owned()));
    let deletion = Deletion {
        user: identity.user,
        service: learn_me(),
        at: now(),
    };
    let deleted = store.delete(deletion).await;
    let told = corrupt(deleted.unwrap_err());
    assert_eq!(told, ("accounts", "1".to_owned()));
    assert_eq!(store.list(identity.user).await.unwrap().len(), 1);
}

fn corrupt(error: StoreError) -> (&'static str, String) {
    match error {
        StoreError::Corrupt { table, key, .. } => (table, key),
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn the_schema_refuses_invalid_rows() {
    let (_folder, file) = folder();
    let store = store(&file).await;
    register(&store, 1).await;
    let db = outsider(&file).await;
    db.execute_unprepared("PRAGMA foreign_keys = ON")
        .await
        .unwrap();
    for (statement, refusal) in [
        ("INSERT INTO accounts SELECT 9, user_id, provider, provider_user_id, credentials, credentials_key_id,
              created_at, refreshed_at FROM accounts", "UNIQUE"),
        ("UPDATE accounts SET provider_user_id = 0", "CHECK"),
        ("UPDATE accounts SET user_id = 99", "FOREIGN KEY"),
        ("UPDATE accounts SET credentials = NULL", "NOT NULL"),
        ("INSERT INTO places SELECT * FROM places", "UNIQUE"),
        ("UPDATE places SET units = 0", "CHECK"),
        ("INSERT INTO registrations SELECT * FROM registrations", "UNIQUE"),
    ] {
        let error = db.execute_unprepared(statement).await.unwrap_err();
        assert!(error.to_string().contains(refusal), "{statement}: {error}");
    }
    db.execute_unprepared("DELETE FROM users").await.unwrap();
    for table in ["accounts", "registrations", "uses", "places", "attempts"] {
        let count = format!("SELECT count(*) AS rows FROM {table}");
        let row = db.query_one_raw(Statement::from_string(DbBackend::Sqlite, count));
        let rows: i64 = row.await.unwrap().unwrap().try_get("", "rows").unwrap();
        assert_eq!(rows, 0, "{table}");
    }
}

#[tokio::test]
async fn a_purge_does_not_free_the_numbers_of_removed_rows() {
    let (_folder, file) = folder();
    let store = store(&file).await;
    register(&store, 1).await;
    let claim = |at| store.claim(10, Duration::ZERO, at);
    let first = claim(now()).await.unwrap();
    store.remove(&[first[0].id]).await.unwrap();
    for what in Expiring::ALL {
        let purged = store.purge(what, now() + TimeDelta::days(30)).await;
        purged.unwrap();
    }
    register(&store, 2).await;
    let second = claim(now()).await.unwrap();
    assert!(
        second[0].id > first[0].id,
        "a late removal must not hit another row"
    );
}

/// `Outbox` 9.
#[tokio::test]
async fn an_unreadable_row_of_the_outbox_is_set_aside_for_the_rows_behind_it() {
    let (_folder, file) = folder();
    let store = store(&file).await;
    unreadable_row_is_set_aside(&store, &outsider(&file).await).await;
}

#[tokio::test]
async fn a_row_of_the_outbox_whose_claims_cannot_be_counted_is_set_aside_too() {
    let (_folder, file) = folder();
    let store = store(&file).await;
    register(&store, 1).await;
    let db = outsider(&file).await;
    let no_number = "UPDATE outbox SET attempt = 1.5";
    db.execute_unprepared(no_number).await.unwrap();
    let minute = Duration::from_mins(1);
    for attempt in 0..READ_ATTEMPTS {
        let claimed = store.claim(10, minute, now() + attempt * minute).await;
        assert_eq!(claimed.unwrap(), []);
    }
    let backlog = store.backlog(now()).await.unwrap();
    assert_eq!((backlog.rows, backlog.set_aside), (0, 1));
}

#[tokio::test]
async fn a_total_that_was_changed_by_hand_is_right_after_a_reconciliation() {
    let (_folder, file) = folder();
    let store = store(&file).await;
    totals_are_corrected(&store, &outsider(&file).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_total_that_several_callers_find_wrong_is_corrected_once() {
    let (_folder, file) = folder();
    let store = store(&file).await;
    wrong_total_is_corrected_once(&store, &store, &outsider(&file).await).await;
}

/// `Outbox` 10.
#[tokio::test]
async fn a_trace_that_cannot_be_read_holds_up_no_row() {
    let (_folder, file) = folder();
    let store = store(&file).await;
    register(&store, 1).await;
    let db = outsider(&file).await;
    let traced = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 vendor=1";
    for (text, expected) in [("nonsense", None), (traced, Some(traced))] {
        let write = format!("UPDATE outbox SET trace_context = '{text}'");
        db.execute_unprepared(&write).await.unwrap();
        let claimed = store.claim(10, Duration::ZERO, now()).await.unwrap();
        assert_eq!(claimed.len(), 1);
        let trace = claimed[0].trace.as_ref().map(ToString::to_string);
        assert_eq!(trace.as_deref(), expected);
    }
}
