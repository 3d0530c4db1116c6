//! Contract 9: an operator announces a training again.

use lemon_domain::{
    ports::RetryOutcome,
    values::{TaskKind, TrainingState},
};

use super::{announced, fail, long_ago, overdue, overdue_one, registration, send, settle};
use crate::{
    given::{self, DAY, HOUR, MICROSECOND},
    race::race,
    store::Store,
    subject::Subject,
};

/// Contract 9.
pub async fn a_retry_announces_a_training_at_once_whatever_its_deadline(store: Subject<dyn Store>) {
    let who = announced(&*store, 1).await;
    let at = long_ago() + HOUR / 2;
    let outcome = store.retry(given::request_id(1), at).await.unwrap();
    let expected = RetryOutcome::Announced {
        account: who.account,
        announcements: 2,
    };
    assert_eq!(outcome, expected);
    let rows = send(&*store, at).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].content.kind, TaskKind::Train);
    assert_eq!(rows[0].request_id, given::request_id(1));
    assert_eq!(overdue(&*store, at + HOUR - MICROSECOND).await, []);
    let again = overdue_one(&*store, at + HOUR).await;
    assert_eq!((again.announcements, again.announced_at), (2, at));
}

/// Contract 9.
pub async fn a_retry_does_not_put_a_second_row(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let id = given::request_id(1);
    let before = store.person(who.account).await.unwrap();
    let outcome = store.retry(id, given::now() + DAY).await.unwrap();
    assert_eq!(outcome, RetryOutcome::Waiting);
    assert_eq!(store.person(who.account).await.unwrap(), before);
}

/// Contract 9.
pub async fn a_retry_releases_a_row_that_was_set_aside(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let row = store.claim(1, HOUR, given::now()).await.unwrap().remove(0);
    store.set_aside(&row, given::now()).await.unwrap();
    let at = given::now() + DAY;
    let outcome = store.retry(given::request_id(1), at).await.unwrap();
    let account = who.account;
    assert_eq!(outcome, RetryOutcome::Released { account });
    let sent = send(&*store, at).await;
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].id, sent[0].attempt), (row.id, 2));
    let now = store.person(who.account).await.unwrap().unwrap();
    let record = &now.registrations[0];
    assert_eq!((record.announced_at, record.announcements), (Some(at), 1));
}

/// Contract 9.
pub async fn a_training_that_has_ended_is_not_announced(store: Subject<dyn Store>) {
    let failed = announced(&*store, 1).await;
    let at = long_ago() + HOUR;
    let found = overdue_one(&*store, at).await;
    settle(&*store, &found, fail()).await;
    let ready = announced(&*store, 2).await;
    let message = given::ready(ready.account);
    store
        .finish(&message, given::request_id(500), at)
        .await
        .unwrap();
    send(&*store, at).await;
    for (n, who, state) in [
        (1, failed, TrainingState::Failed),
        (2, ready, TrainingState::Ready),
    ] {
        let outcome = store.retry(given::request_id(n), at).await.unwrap();
        assert_eq!(outcome, RetryOutcome::Ended(state));
        assert_eq!(registration(&*store, who).await.state, state);
    }
    assert_eq!(given::tasks(&*store).await, []);
}

/// Contract 9.
pub async fn a_request_that_was_deleted_or_never_made_is_unknown(store: Subject<dyn Store>) {
    let who = announced(&*store, 1).await;
    let never = given::request_id(99);
    let at = long_ago() + HOUR;
    let outcome = store.retry(never, at).await.unwrap();
    assert_eq!(outcome, RetryOutcome::Unknown);
    store
        .delete(given::deletion(who.user))
        .await
        .unwrap()
        .unwrap();
    let outcome = store.retry(given::request_id(1), at).await.unwrap();
    assert_eq!(outcome, RetryOutcome::Unknown);
    assert_eq!(given::tasks(&*store).await, [TaskKind::Delete]);
}

/// Contract 9.
pub async fn one_of_concurrent_retries_puts_a_row(store: Subject<dyn Store>) {
    announced(&*store, 1).await;
    let outcomes = race(16, |_| {
        let store = store.share();
        async move { store.retry(given::request_id(1), long_ago() + HOUR).await }
    })
    .await;
    let put = outcomes
        .iter()
        .filter(|it| matches!(it, Ok(RetryOutcome::Announced { .. })));
    assert_eq!(put.count(), 1, "{outcomes:?}");
    assert_eq!(given::tasks(&*store).await, [TaskKind::Train]);
}
