//! Contract 6 to 8: ready messages.

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{Deletion, FinishOutcome, OverdueOutcome, OverdueStep},
    values::{
        AccountId, Identity, Registration, RequestId, TaskKind, TrainingReady, TrainingState,
        UserId,
    },
};

use crate::{
    given::{self, HOUR, MICROSECOND},
    store::Store,
};
use crate::{race::race, subject::Subject};

/// The request id for a delete job if the message has none.
fn spare() -> RequestId {
    given::request_id(500)
}

async fn finish(store: &dyn Store, ready: &TrainingReady) -> FinishOutcome {
    let at = given::now() + HOUR;
    store.finish(ready, spare(), at).await.unwrap()
}

fn finished(who: Identity, request_id: RequestId) -> FinishOutcome {
    FinishOutcome::Finished {
        user: who.user,
        request_id,
    }
}

async fn registration(store: &dyn Store, user: UserId) -> Registration {
    store.list(user).await.unwrap().remove(0)
}

fn ready_for(account: AccountId, request_id: RequestId) -> TrainingReady {
    TrainingReady {
        request_id: Some(request_id),
        ..given::ready(account)
    }
}

/// Contract 6.
pub async fn finishing_marks_and_puts_one_notify_row(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let before = registration(&*store, who.user).await;
    let outcome = finish(&*store, &given::ready(who.account)).await;
    assert_eq!(outcome, finished(who, given::request_id(1)));
    let expected = Registration {
        ready: true,
        state: TrainingState::Ready,
        ..before
    };
    assert_eq!(registration(&*store, who.user).await, expected);
    let rows = given::outbox(&*store).await;
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1].content.kind, TaskKind::Notify);
    assert_eq!(rows[1].content.account, who.account);
    assert_eq!(rows[1].content.service, given::learn_me());
    assert_eq!(rows[1].request_id, expected.request_id);
    assert_eq!(rows[1].created_at, given::now() + HOUR);
}

/// Contract 6.
pub async fn finishing_again_changes_nothing(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let by_id = ready_for(who.account, given::request_id(1));
    let outcome = finish(&*store, &by_id).await;
    assert_eq!(outcome, finished(who, given::request_id(1)));
    for repeated in [by_id, given::ready(who.account)] {
        let outcome = finish(&*store, &repeated).await;
        assert_eq!(outcome, FinishOutcome::AlreadyFinished);
    }
    let tasks = given::tasks(&*store).await;
    assert_eq!(tasks, [TaskKind::Train, TaskKind::Notify]);
}

/// Contract 6.
pub async fn one_of_concurrent_finishes_takes_effect(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let outcomes = race(16, |i| {
        let store = store.share();
        let ready = if i % 2 == 0 {
            given::ready(who.account)
        } else {
            ready_for(who.account, given::request_id(1))
        };
        async move { finish(&*store, &ready).await }
    })
    .await;
    let count = |outcome| outcomes.iter().filter(|it| **it == outcome).count();
    assert_eq!(count(finished(who, given::request_id(1))), 1);
    assert_eq!(count(FinishOutcome::AlreadyFinished), 15);
    let tasks = given::tasks(&*store).await;
    assert_eq!(tasks, [TaskKind::Train, TaskKind::Notify]);
}

/// Contract 6: `ready` stays true from the first training on, but the second training is announced too.
pub async fn each_request_is_finished_and_announced(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let ready = given::ready(who.account);
    let first = finish(&*store, &ready).await;
    assert_eq!(first, finished(who, given::request_id(1)));
    let second = given::next_request(who, 1);
    given::registered(&*store, second.clone()).await;
    let outcome = finish(&*store, &ready).await;
    assert_eq!(outcome, finished(who, second.request_id));
    assert_eq!(
        finish(&*store, &ready).await,
        FinishOutcome::AlreadyFinished
    );
    let notified: Vec<_> = given::outbox(&*store)
        .await
        .into_iter()
        .filter(|row| row.content.kind == TaskKind::Notify)
        .map(|row| row.request_id)
        .collect();
    assert_eq!(notified, [given::request_id(1), second.request_id]);
}

/// A person whose training was sent, and announced again two hours later.
async fn announced_again(store: &dyn Store, n: usize) -> Identity {
    let who = given::registered_person(store, n).await;
    let sent = store.claim(1, HOUR, given::now()).await.unwrap();
    store.remove(&[sent[0].id]).await.unwrap();
    let (service, later) = (given::learn_me(), given::now() + 2 * HOUR);
    let overdue = store.overdue(&service, HOUR, None, 1, later).await.unwrap();
    let outcome = store.settle(&overdue[0], OverdueStep::Announce).await;
    assert_eq!(outcome.unwrap(), OverdueOutcome::Announced);
    who
}

/// The tasks that can be sent at a time.
async fn due(store: &dyn Store, at: DateTime<Utc>) -> Vec<TaskKind> {
    let due = store.claim(10, HOUR, at).await.unwrap();
    due.iter().map(|row| row.content.kind).collect()
}

/// Contract 6.
pub async fn finishing_withdraws_a_repeated_announcement_that_was_not_sent(
    store: Subject<dyn Store>,
) {
    let who = announced_again(&*store, 1).await;
    let at = given::now() + 3 * HOUR;
    let ready = given::ready(who.account);
    let outcome = store.finish(&ready, spare(), at).await.unwrap();
    assert_eq!(outcome, finished(who, given::request_id(1)));
    assert_eq!(given::rows(&*store).await, 1);
    assert_eq!(due(&*store, at).await, [TaskKind::Notify]);
}

/// Contract 6 and 9.
pub async fn no_row_overtakes_a_repeated_announcement_that_may_be_in_flight(
    store: Subject<dyn Store>,
) {
    for (n, last) in [(1, TaskKind::Notify), (2, TaskKind::Delete)] {
        let who = announced_again(&*store, n).await;
        let claimed_at = given::now() + 2 * HOUR;
        assert_eq!(due(&*store, claimed_at).await, [TaskKind::Train]);
        let at = claimed_at + HOUR / 2;
        let ready = given::ready(who.account);
        store.finish(&ready, spare(), at).await.unwrap();
        if last == TaskKind::Delete {
            let deletion = Deletion {
                at,
                ..given::deletion(who.user)
            };
            assert!(store.delete(deletion).await.unwrap().is_some());
        }
        let lease_end = claimed_at + HOUR;
        assert_eq!(due(&*store, lease_end - MICROSECOND).await, []);
        assert_eq!(due(&*store, lease_end).await, [last]);
    }
}

/// Contract 7.
pub async fn finishing_by_request_id_finishes_that_request(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let by_id = ready_for(who.account, given::request_id(1));
    let outcome = finish(&*store, &by_id).await;
    assert_eq!(outcome, finished(who, given::request_id(1)));
    assert!(registration(&*store, who.user).await.ready);
}

/// Contract 7.
pub async fn finishing_another_request_changes_nothing(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let second = given::next_request(who, 1);
    given::registered(&*store, second.clone()).await;
    let late = ready_for(who.account, given::request_id(1));
    assert_eq!(finish(&*store, &late).await, FinishOutcome::Superseded);
    assert!(!registration(&*store, who.user).await.ready);
    assert_eq!(given::rows(&*store).await, 2);
    let outcome = finish(&*store, &given::ready(who.account)).await;
    assert_eq!(outcome, finished(who, second.request_id));
    assert_eq!(finish(&*store, &late).await, FinishOutcome::Superseded);
}

async fn assert_one_delete_row(store: &dyn Store, account: AccountId, request_id: RequestId) {
    let rows = given::outbox(store).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].content.kind, TaskKind::Delete);
    assert_eq!(rows[0].content.account, account);
    assert_eq!(rows[0].content.service, given::learn_me());
    assert_eq!(rows[0].request_id, request_id);
    assert_eq!(rows[0].created_at, given::now() + HOUR);
}

/// Contract 8.
pub async fn finishing_without_a_registration_puts_one_delete_row(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    let outcome = finish(&*store, &given::ready(who.account)).await;
    assert_eq!(outcome, FinishOutcome::NotRegistered);
    assert_one_delete_row(&*store, who.account, spare()).await;
}

/// Contract 8.
pub async fn finishing_for_an_unknown_account_puts_one_delete_row(store: Subject<dyn Store>) {
    let stranger = given::account(1);
    let outcome = finish(&*store, &given::ready(stranger)).await;
    assert_eq!(outcome, FinishOutcome::NotRegistered);
    assert_one_delete_row(&*store, stranger, spare()).await;
    assert_eq!(store.account(stranger).await.unwrap(), None);
}

/// Contract 8.
pub async fn finishing_another_service_puts_one_delete_row(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let ready = TrainingReady {
        service: given::draw_me(),
        ..given::ready(who.account)
    };
    assert_eq!(finish(&*store, &ready).await, FinishOutcome::NotRegistered);
    assert!(!registration(&*store, who.user).await.ready);
    let rows = given::outbox(&*store).await;
    let tasks: Vec<_> = rows.iter().map(|row| row.content.kind).collect();
    assert_eq!(tasks, [TaskKind::Train, TaskKind::Delete]);
    assert_eq!(rows[1].content.service, given::draw_me());
}

/// Contract 8.
pub async fn a_delete_job_carries_the_request_id_of_the_latest_request(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    assert!(
        store
            .delete(given::deletion(who.user))
            .await
            .unwrap()
            .is_some()
    );
    let deleted = given::outbox(&*store).await;
    assert_eq!(deleted.len(), 1);
    let outcome = finish(&*store, &given::ready(who.account)).await;
    assert_eq!(outcome, FinishOutcome::NotRegistered);
    assert_one_delete_row(&*store, who.account, given::request_id(1)).await;
    // A message with a request id of its own.
    let named = ready_for(who.account, given::request_id(7));
    assert_eq!(finish(&*store, &named).await, FinishOutcome::NotRegistered);
    assert_one_delete_row(&*store, who.account, given::request_id(7)).await;
}

/// Contract 8: a delete job for an earlier training must not follow the new training.
pub async fn a_finish_that_races_a_request_puts_its_delete_row_first(store: Subject<dyn Store>) {
    for n in 1..=16 {
        let who = given::person(&*store, n).await;
        race(2, |i| {
            let store = store.share();
            async move {
                if i == 0 {
                    given::registered(&*store, given::request(who, u32::try_from(n).unwrap()))
                        .await;
                } else {
                    finish(&*store, &given::ready(who.account)).await;
                }
            }
        })
        .await;
        let tasks = given::tasks(&*store).await;
        let right = [
            [TaskKind::Delete, TaskKind::Train],
            [TaskKind::Train, TaskKind::Notify],
        ];
        assert!(right.contains(&[tasks[0], tasks[1]]), "{tasks:?}");
    }
}

/// Contract 8.
pub async fn a_delete_job_carries_the_request_id_of_the_message(store: Subject<dyn Store>) {
    let stranger = given::account(1);
    let ready = ready_for(stranger, given::request_id(7));
    assert_eq!(finish(&*store, &ready).await, FinishOutcome::NotRegistered);
    assert_one_delete_row(&*store, stranger, given::request_id(7)).await;
}
