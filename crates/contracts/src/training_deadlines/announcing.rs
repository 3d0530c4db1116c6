//! Contract 4 and 5: of all concurrent callers, one announces a training again.

use lemon_domain::{
    ports::{OutboxEntry, OverdueOutcome, OverdueStep},
    values::{Task, TaskKind, TrainingState},
};

use super::{announced, day, fail, long_ago, overdue, overdue_one, registration, send, settle};
use crate::{
    given::{self, HOUR, MICROSECOND},
    race::race,
    store::Store,
    subject::Subject,
};

/// Contract 5.
pub async fn announcing_puts_one_train_row_with_the_same_request_id(store: Subject<dyn Store>) {
    let who = announced(&*store, 1).await;
    let at = long_ago() + 2 * HOUR;
    let found = overdue_one(&*store, at).await;
    let outcome = settle(&*store, &found, OverdueStep::Announce).await;
    assert_eq!(outcome, OverdueOutcome::Announced);
    let rows = send(&*store, at).await;
    let expected = OutboxEntry {
        id: rows[0].id,
        attempt: 1,
        content: Task {
            kind: TaskKind::Train,
            service: given::learn_me(),
            account: who.account,
        },
        request_id: given::request_id(1),
        created_at: at,
        trace: None,
    };
    assert_eq!(rows, [expected]);
    assert_eq!(
        registration(&*store, who).await.state,
        TrainingState::Training
    );
    assert_eq!(overdue(&*store, at + HOUR - MICROSECOND).await, []);
    let again = overdue_one(&*store, at + HOUR).await;
    assert_eq!((again.announcements, again.announced_at), (2, at));
}

/// Contract 4.
pub async fn one_of_concurrent_announcements_takes_effect(store: Subject<dyn Store>) {
    announced(&*store, 1).await;
    let found = overdue_one(&*store, long_ago() + HOUR).await;
    let outcomes = race(16, |_| {
        let (store, found) = (store.share(), found.clone());
        async move { settle(&*store, &found, OverdueStep::Announce).await }
    })
    .await;
    let made = outcomes
        .iter()
        .filter(|it| **it == OverdueOutcome::Announced);
    assert_eq!(made.count(), 1, "{outcomes:?}");
    assert_eq!(given::tasks(&*store).await, [TaskKind::Train]);
}

/// Contract 4.
pub async fn a_step_that_was_overtaken_changes_nothing(store: Subject<dyn Store>) {
    let spare = given::request_id(500);
    let at = long_ago() + HOUR;
    let who = announced(&*store, 1).await;
    let found = overdue_one(&*store, at).await;
    let ready = given::ready(who.account);
    store.finish(&ready, spare, at).await.unwrap();
    let finished = registration(&*store, who).await;
    for step in [OverdueStep::Announce, fail()] {
        let outcome = settle(&*store, &found, step).await;
        assert_eq!(outcome, OverdueOutcome::Overtaken);
    }
    assert_eq!(registration(&*store, who).await, finished);
    assert_eq!(store.places(&day(0)).await.unwrap().len(), 1);
    assert!(
        store
            .delete(given::deletion(who.user))
            .await
            .unwrap()
            .is_some()
    );
    for step in [OverdueStep::Announce, fail()] {
        let outcome = settle(&*store, &found, step).await;
        assert_eq!(outcome, OverdueOutcome::Overtaken);
    }
    assert_eq!(given::tasks(&*store).await, [TaskKind::Delete]);
}
