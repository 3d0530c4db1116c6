//! Contract 9: deletions.

use lemon_domain::{
    ports::{FinishOutcome, NewRegistration},
    values::TaskKind,
};

use crate::{
    given::{self, HOUR, MICROSECOND},
    store::Store,
};
use crate::{race::race, subject::Subject};

/// Contract 9.
pub async fn deleting_removes_the_registration_and_its_unsent_rows(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let ready = given::ready(who.account);
    let spare = given::request_id(500);
    store.finish(&ready, spare, given::now()).await.unwrap();
    let deletion = given::deletion(who.user);
    let deleted = store.delete(deletion.clone()).await.unwrap();
    assert_eq!(deleted, Some(given::request_id(1)));
    assert_eq!(store.list(who.user).await.unwrap(), []);
    let rows = given::outbox(&*store).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].content.kind, TaskKind::Delete);
    assert_eq!(rows[0].content.account, who.account);
    assert_eq!(rows[0].content.service, given::learn_me());
    assert_eq!(rows[0].request_id, given::request_id(1));
    assert_eq!(rows[0].created_at, deletion.at);
}

/// Contract 9.
pub async fn deleting_removes_claimed_rows_too(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let claimed = store.claim(10, HOUR, given::now()).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert!(
        store
            .delete(given::deletion(who.user))
            .await
            .unwrap()
            .is_some()
    );
    // The relay that claimed it may still give it back or remove it: neither makes it come back.
    store.postpone(&claimed[0], given::now()).await.unwrap();
    store.remove(&[claimed[0].id]).await.unwrap();
    assert_eq!(given::tasks(&*store).await, [TaskKind::Delete]);
}

/// Contract 9.
pub async fn a_delete_row_is_due_after_the_lease_of_the_withdrawn_rows(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let lease = 2 * HOUR;
    store.claim(10, lease, given::now()).await.unwrap();
    let deletion = given::deletion(who.user);
    assert!(deletion.at < given::now() + lease);
    assert!(store.delete(deletion).await.unwrap().is_some());
    let claim = async |at| store.claim(10, HOUR, at).await.unwrap();
    assert_eq!(claim(given::now() + lease - MICROSECOND).await, []);
    let due = claim(given::now() + lease).await;
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].content.kind, TaskKind::Delete);
}

/// Contract 9: a row that was not claimed cannot be in flight.
pub async fn a_delete_row_is_due_at_once_if_nothing_was_claimed(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let deletion = given::deletion(who.user);
    assert!(store.delete(deletion.clone()).await.unwrap().is_some());
    let due = store.claim(10, HOUR, deletion.at).await.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].content.kind, TaskKind::Delete);
}

/// Contract 9, and 7 of the outbox: the delete job means the earlier training, not the new one.
pub async fn a_registration_after_a_deletion_is_trained_after_the_delete_job(
    store: Subject<dyn Store>,
) {
    let who = given::registered_person(&*store, 1).await;
    assert!(
        store
            .delete(given::deletion(who.user))
            .await
            .unwrap()
            .is_some()
    );
    let second = given::next_request(who, 1);
    given::registered(&*store, second.clone()).await;
    let expected = [
        (TaskKind::Delete, given::request_id(1)),
        (TaskKind::Train, second.request_id),
    ];
    for expected in expected {
        let claimed = store.claim(10, HOUR, second.at).await.unwrap();
        let claimed: Vec<_> = claimed
            .iter()
            .map(|row| (row.id, row.content.kind, row.request_id))
            .collect();
        let [(id, task, request_id)] = claimed[..] else {
            panic!("{claimed:?}");
        };
        assert_eq!((task, request_id), expected);
        store.remove(&[id]).await.unwrap();
    }
}

/// Contract 9.
pub async fn deleting_keeps_the_use_and_its_places(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let service = given::learn_me();
    let last_use = store.last_use(who.user, &service).await.unwrap();
    let places = store.places(&given::today()).await.unwrap();
    assert!(
        store
            .delete(given::deletion(who.user))
            .await
            .unwrap()
            .is_some()
    );
    assert!(last_use.is_some());
    let kept = store.last_use(who.user, &service).await.unwrap();
    assert_eq!(kept, last_use);
    assert_eq!(places.len(), 1);
    assert_eq!(store.places(&given::today()).await.unwrap(), places);
}

/// Contract 9.
pub async fn deleting_keeps_the_attempt(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    let attempt = given::attempt("attempt 1");
    let new = NewRegistration {
        attempt: Some(attempt.clone()),
        ..given::request(who, 1)
    };
    given::registered(&*store, new).await;
    assert!(
        store
            .delete(given::deletion(who.user))
            .await
            .unwrap()
            .is_some()
    );
    let service = given::learn_me();
    let answered = store.answered(who.user, &service, &attempt.key);
    assert!(answered.await.unwrap().is_some());
}

/// Contract 9.
pub async fn deleting_a_missing_registration_changes_nothing(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    assert!(
        store
            .delete(given::deletion(who.user))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(given::rows(&*store).await, 0);
    given::registered(&*store, given::request(who, 1)).await;
    assert!(
        store
            .delete(given::deletion(who.user))
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        store
            .delete(given::deletion(who.user))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(given::tasks(&*store).await, [TaskKind::Delete]);
}

/// Contract 9.
pub async fn deleting_does_not_change_other_people_or_services(store: Subject<dyn Store>) {
    let one = given::registered_person(&*store, 1).await;
    let two = given::registered_person(&*store, 2).await;
    let other_service = given::of(given::draw_me(), given::request(one, 3));
    given::registered(&*store, other_service).await;
    assert!(
        store
            .delete(given::deletion(one.user))
            .await
            .unwrap()
            .is_some()
    );
    let left = store.list(one.user).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].service, given::draw_me());
    assert_eq!(store.list(two.user).await.unwrap().len(), 1);
    let rows = given::outbox(&*store).await;
    let left: Vec<_> = rows
        .iter()
        .map(|row| (row.content.kind, row.request_id))
        .collect();
    let expected = [
        (TaskKind::Train, given::request_id(2)),
        (TaskKind::Train, given::request_id(3)),
        (TaskKind::Delete, given::request_id(1)),
    ];
    assert_eq!(left, expected);
}

/// Contract 9.
pub async fn deleting_again_keeps_the_earlier_delete_row(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    assert!(
        store
            .delete(given::deletion(who.user))
            .await
            .unwrap()
            .is_some()
    );
    given::registered(&*store, given::next_request(who, 1)).await;
    assert!(
        store
            .delete(given::deletion(who.user))
            .await
            .unwrap()
            .is_some()
    );
    let rows = given::outbox(&*store).await;
    let left: Vec<_> = rows
        .iter()
        .map(|row| (row.content.kind, row.request_id))
        .collect();
    let second = given::next_request(who, 1).request_id;
    let expected = [
        (TaskKind::Delete, given::request_id(1)),
        (TaskKind::Delete, second),
    ];
    assert_eq!(left, expected);
}

/// Contract 9.
pub async fn one_of_concurrent_deletions_takes_effect(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let deleted = race(16, |_| {
        let store = store.share();
        async move { store.delete(given::deletion(who.user)).await.unwrap() }
    })
    .await;
    assert_eq!(deleted.into_iter().flatten().count(), 1);
    assert_eq!(given::tasks(&*store).await, [TaskKind::Delete]);
}

/// Contract 8 and 9: the worker has just stored data that must not stay.
pub async fn a_training_that_ends_after_the_deletion_puts_one_delete_row(
    store: Subject<dyn Store>,
) {
    let who = given::registered_person(&*store, 1).await;
    store.delete(given::deletion(who.user)).await.unwrap();
    let rows = given::outbox(&*store).await;
    store.remove(&[rows[0].id]).await.unwrap();
    let ready = given::ready(who.account);
    let spare = given::request_id(500);
    let outcome = store.finish(&ready, spare, given::now()).await.unwrap();
    assert_eq!(outcome, FinishOutcome::NotRegistered);
    assert_eq!(given::tasks(&*store).await, [TaskKind::Delete]);
}

/// Contract 8 and 9.
pub async fn a_deletion_that_races_a_finish_leaves_no_notification(store: Subject<dyn Store>) {
    for n in 1..=8 {
        let who = given::registered_person(&*store, n).await;
        race(2, |i| {
            let store = store.share();
            async move {
                if i == 0 {
                    assert!(
                        store
                            .delete(given::deletion(who.user))
                            .await
                            .unwrap()
                            .is_some()
                    );
                } else {
                    let ready = given::ready(who.account);
                    let spare = given::request_id(500);
                    store.finish(&ready, spare, given::now()).await.unwrap();
                }
            }
        })
        .await;
        assert_eq!(store.list(who.user).await.unwrap(), []);
    }
    let rows = given::outbox(&*store).await;
    assert!(rows.iter().all(|row| row.content.kind == TaskKind::Delete));
    assert!((8..=16).contains(&rows.len()));
}

/// Contract 4 and 9.
pub async fn a_registration_after_a_deletion_starts_from_nothing(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let ready = given::ready(who.account);
    let spare = given::request_id(500);
    store.finish(&ready, spare, given::now()).await.unwrap();
    given::published(&*store, who.user).await;
    store.delete(given::deletion(who.user)).await.unwrap();
    given::registered(&*store, given::next_request(who, 1)).await;
    let list = store.list(who.user).await.unwrap();
    assert_eq!(list.len(), 1);
    assert!(!list[0].ready);
    assert!(!list[0].public);
}
