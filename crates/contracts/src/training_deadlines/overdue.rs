//! Contract 1 to 3 and 7: which trainings are overdue, and from when their deadlines run.

use chrono::SubsecRound;
use lemon_domain::{
    ports::{NewRegistration, OverdueOutcome, OverdueStep, OverdueTraining, PROMPT},
    values::{TaskKind, TrainingState},
};

use super::{
    announced, daily_request, day, fail, long_ago, overdue, overdue_one, registration, send, settle,
};
use crate::{
    given::{self, DAY, HOUR, MICROSECOND},
    store::Store,
    subject::Subject,
};

/// Contract 1.
pub async fn a_training_is_overdue_from_the_end_of_its_deadline_on(store: Subject<dyn Store>) {
    let who = announced(&*store, 1).await;
    let end = long_ago() + HOUR;
    assert_eq!(overdue(&*store, end - MICROSECOND).await, []);
    let expected = OverdueTraining {
        user: who.user,
        service: given::learn_me(),
        request_id: given::request_id(1),
        announcements: 1,
        announced_at: long_ago(),
        found_at: end,
    };
    assert_eq!(overdue(&*store, end).await, [expected]);
}

/// Contract 1.
pub async fn a_finished_deleted_or_replaced_training_is_not_overdue(store: Subject<dyn Store>) {
    let finished = announced(&*store, 1).await;
    let ready = given::ready(finished.account);
    let spare = given::request_id(500);
    store.finish(&ready, spare, long_ago()).await.unwrap();
    let deleted = announced(&*store, 2).await;
    store.delete(given::deletion(deleted.user)).await.unwrap();
    let replaced = announced(&*store, 3).await;
    let again = NewRegistration {
        request_id: given::request_id(1003),
        turn: 2,
        places: vec![given::place(day(7), 3)],
        at: long_ago() + 7 * DAY,
        ..daily_request(replaced, 3)
    };
    given::registered(&*store, again).await;
    let end = long_ago() + 7 * DAY + HOUR;
    assert_eq!(overdue(&*store, end - MICROSECOND).await, []);
    let left = overdue_one(&*store, end).await;
    assert_eq!(left.request_id, given::request_id(1003));
    assert_eq!(left.announcements, 1);
}

/// Contract 3.
pub async fn overdue_trainings_of_a_service_come_longest_overdue_first(store: Subject<dyn Store>) {
    for (n, hours) in [(1, 2), (2, 0), (3, 1)] {
        let who = given::person(&*store, n).await;
        let new = NewRegistration {
            at: long_ago() + hours * HOUR,
            ..daily_request(who, u32::try_from(n).unwrap())
        };
        given::registered(&*store, new).await;
    }
    let other = given::person(&*store, 4).await;
    let other_service = given::of(given::draw_me(), daily_request(other, 4));
    given::registered(&*store, other_service).await;
    let at = long_ago() + 2 * HOUR;
    let ids = |found: Vec<OverdueTraining>| -> Vec<_> {
        found.into_iter().map(|it| it.request_id).collect()
    };
    let both = [given::request_id(2), given::request_id(3)];
    assert_eq!(ids(overdue(&*store, at).await), both);
    let service = given::learn_me();
    let one = store.overdue(&service, HOUR, None, 1, at).await.unwrap();
    assert_eq!(ids(one), both[..1]);
}

/// Contract 3.
pub async fn overdue_trainings_are_found_one_position_after_another(store: Subject<dyn Store>) {
    // The deadlines of two and three began at the same moment.
    for (n, hours) in [(1, 1), (2, 0), (3, 0), (4, 2)] {
        let who = given::person(&*store, n).await;
        let new = NewRegistration {
            at: long_ago() + hours * HOUR,
            ..daily_request(who, u32::try_from(n).unwrap())
        };
        given::registered(&*store, new).await;
    }
    let (service, at) = (given::learn_me(), long_ago() + 3 * HOUR);
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let next = store.overdue(&service, HOUR, after, 1, at).await.unwrap();
        let Some(training) = next.first() else {
            break;
        };
        after = Some(training.position());
        found.push(training.request_id);
    }
    assert_eq!(found, [2, 3, 1, 4].map(given::request_id));
}

/// Contract 2.
pub async fn a_prompt_claim_leaves_the_deadline_as_it_is(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    given::registered(&*store, daily_request(who, 1)).await;
    send(&*store, long_ago() + PROMPT).await;
    let found = overdue_one(&*store, long_ago() + HOUR).await;
    assert_eq!(found.announced_at, long_ago());
}

/// Contract 2.
pub async fn a_late_claim_starts_the_deadline_again(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    given::registered(&*store, daily_request(who, 1)).await;
    let mut claimed_at = long_ago();
    // The first claim is lost, the second sends.
    for _ in 0..2 {
        claimed_at += HOUR;
        let claimed = store.claim(1, HOUR, claimed_at).await.unwrap();
        assert_eq!(claimed.len(), 1);
    }
    store
        .remove(&[store.claim(1, HOUR, claimed_at + HOUR).await.unwrap()[0].id])
        .await
        .unwrap();
    let sent_at = claimed_at + HOUR;
    assert_eq!(overdue(&*store, sent_at + HOUR - MICROSECOND).await, []);
    let found = overdue_one(&*store, sent_at + HOUR).await;
    assert_eq!(found.announced_at, sent_at);
}

/// Contract 3.
pub async fn a_callers_clock_that_is_ahead_makes_nothing_overdue(store: Subject<dyn Store>) {
    let now = store.time().await.unwrap().trunc_subsecs(6);
    let who = given::person(&*store, 1).await;
    let new = NewRegistration {
        at: now,
        ..daily_request(who, 1)
    };
    given::registered(&*store, new).await;
    assert_eq!(overdue(&*store, now + DAY).await, []);
}

/// Contract 7.
pub async fn a_row_that_was_not_sent_starts_the_deadline_again(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    given::registered(&*store, daily_request(who, 1)).await;
    let mut at = long_ago();
    for step in [OverdueStep::Announce, fail()] {
        at += HOUR;
        let found = overdue_one(&*store, at).await;
        let outcome = settle(&*store, &found, step).await;
        assert_eq!(outcome, OverdueOutcome::Waiting);
        assert_eq!(overdue(&*store, at + HOUR - MICROSECOND).await, []);
    }
    let found = overdue_one(&*store, at + HOUR).await;
    assert_eq!((found.announcements, found.announced_at), (1, at));
    assert_eq!(
        registration(&*store, who).await.state,
        TrainingState::Training
    );
    assert_eq!(given::tasks(&*store).await, [TaskKind::Train]);
}

/// Contract 7.
pub async fn a_step_does_not_wait_for_a_row_that_was_set_aside(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    given::registered(&*store, daily_request(who, 1)).await;
    let row = store.claim(1, HOUR, long_ago()).await.unwrap().remove(0);
    store.set_aside(&row, long_ago()).await.unwrap();
    let mut at = long_ago() + HOUR;
    let found = overdue_one(&*store, at).await;
    let outcome = settle(&*store, &found, OverdueStep::Announce).await;
    assert_eq!(outcome, OverdueOutcome::Announced);
    // The fault may be in data that every row of this training has.
    let row = store.claim(1, HOUR, at).await.unwrap().remove(0);
    store.set_aside(&row, at).await.unwrap();
    at += HOUR;
    let found = overdue_one(&*store, at).await;
    let outcome = settle(&*store, &found, fail()).await;
    assert!(matches!(outcome, OverdueOutcome::Failed { .. }));
    let state = registration(&*store, who).await.state;
    assert_eq!(state, TrainingState::Failed);
}
