//! Cases of the `TrainingDeadlines` contract.
//!
//! They happen long ago, for a store goes by its own clock where a caller's is ahead of it.

use chrono::{DateTime, SubsecRound, Utc};
use lemon_domain::{
    ports::{
        FinishOutcome, NewRegistration, OutboxEntry, OutboxTask, OverdueOutcome, OverdueStep,
        OverdueTraining, PROMPT, Publication,
    },
    values::{BudgetKey, Identity, Registration, TrainingState, Turn, Window},
};

use super::{
    Store,
    given::{self, DAY, HOUR, MICROSECOND},
};
use crate::{Subject, race};

/// Emits the cases for a function that makes a fresh, empty [`Subject<dyn Store>`](crate::suites::Store).
#[macro_export]
macro_rules! training_deadlines_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::suites::training_deadlines,
            $subject,
            [
                a_training_is_overdue_from_the_end_of_its_deadline_on,
                what_is_finished_deleted_or_replaced_is_not_overdue,
                overdue_trainings_of_a_service_come_longest_overdue_first,
                overdue_trainings_are_found_behind_each_other,
                a_prompt_claim_leaves_the_deadline_as_it_is,
                a_late_claim_starts_the_deadline_again,
                a_callers_clock_that_is_ahead_hastens_nothing,
                announcing_puts_one_train_row_with_the_same_request_id,
                of_concurrent_announcements_one_is_made,
                of_concurrent_failures_one_is_made,
                a_step_that_was_overtaken_changes_nothing,
                failing_sets_the_state_and_ends_the_cooldown,
                failing_gives_back_the_places_of_the_running_windows,
                what_has_failed_is_not_overdue_and_can_be_asked_for_at_once,
                a_row_that_was_not_sent_starts_the_deadline_again,
                a_row_that_was_set_aside_is_not_waited_for,
                a_failed_training_still_finishes_once,
                failing_leaves_ready_and_public_as_they_are,
            ]
        );
    };
}

/// Noon of a Monday in Seoul.
fn long_ago() -> DateTime<Utc> {
    given::time("2020-01-06T03:00:00.123456Z")
}

fn day(n: u32) -> BudgetKey {
    let start = given::time("2020-01-05T21:00:00Z") + n * DAY;
    BudgetKey {
        window: Window {
            start,
            end: start + DAY,
        },
        ..given::today()
    }
}

fn month() -> BudgetKey {
    BudgetKey {
        window: Window {
            start: given::time("2019-12-31T21:00:00Z"),
            end: given::time("2020-01-31T21:00:00Z"),
        },
        ..given::reads()
    }
}

/// A request of long ago: a place of the day, 60 of 100 units of the month, and a cooldown of seven days.
fn request(who: Identity, seat: u32) -> NewRegistration {
    let mut reads = given::place(month(), seat);
    (reads.units, reads.limit) = (60, 100);
    NewRegistration {
        places: vec![given::place(day(0), seat), reads],
        at: long_ago(),
        cooldown_until: long_ago() + 7 * DAY,
        ..given::request(who, seat)
    }
}

/// The same without the month.
fn daily_request(who: Identity, seat: u32) -> NewRegistration {
    let mut new = request(who, seat);
    new.places.truncate(1);
    new
}

/// Has the outbox sent, as a relay would at that time.
async fn send(store: &dyn Store, at: DateTime<Utc>) -> Vec<OutboxEntry> {
    let sent = store.claim(100, HOUR, at).await.unwrap();
    let ids: Vec<_> = sent.iter().map(|row| row.id).collect();
    store.remove(&ids).await.unwrap();
    sent
}

/// Somebody whose training was announced long ago.
async fn announced(store: &dyn Store, n: usize) -> Identity {
    let who = given::person(store, n).await;
    let seat = u32::try_from(n).unwrap();
    given::registered(store, daily_request(who, seat)).await;
    send(store, long_ago()).await;
    who
}

/// What is overdue at that time, at an hour each.
async fn overdue(store: &dyn Store, at: DateTime<Utc>) -> Vec<OverdueTraining> {
    let service = given::learn_me();
    store.overdue(&service, HOUR, None, 100, at).await.unwrap()
}

async fn overdue_one(store: &dyn Store, at: DateTime<Utc>) -> OverdueTraining {
    let mut found = overdue(store, at).await;
    assert_eq!(found.len(), 1);
    found.remove(0)
}

fn fail() -> OverdueStep {
    OverdueStep::Fail {
        running: vec![day(0), month()],
    }
}

async fn settle(store: &dyn Store, it: &OverdueTraining, step: OverdueStep) -> OverdueOutcome {
    store.settle(it, step).await.unwrap()
}

async fn registration(store: &dyn Store, who: Identity) -> Registration {
    store.list(who.user).await.unwrap().remove(0)
}

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
pub async fn what_is_finished_deleted_or_replaced_is_not_overdue(store: Subject<dyn Store>) {
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
    let elsewhere = BudgetKey {
        scope: (&given::draw_me()).into(),
        ..day(0)
    };
    let other_service = NewRegistration {
        service: given::draw_me(),
        places: vec![given::place(elsewhere, 4)],
        ..daily_request(other, 4)
    };
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
pub async fn overdue_trainings_are_found_behind_each_other(store: Subject<dyn Store>) {
    // Those of two and three began in one moment.
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
pub async fn a_callers_clock_that_is_ahead_hastens_nothing(store: Subject<dyn Store>) {
    let now = store.time().await.unwrap().trunc_subsecs(6);
    let who = given::person(&*store, 1).await;
    let new = NewRegistration {
        at: now,
        ..daily_request(who, 1)
    };
    given::registered(&*store, new).await;
    assert_eq!(overdue(&*store, now + DAY).await, []);
}

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
        task: OutboxTask::Train,
        service: given::learn_me(),
        account: who.account,
        request_id: given::request_id(1),
        created_at: at,
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
pub async fn of_concurrent_announcements_one_is_made(store: Subject<dyn Store>) {
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
    assert_eq!(given::tasks(&*store).await, [OutboxTask::Train]);
}

/// Contract 4.
pub async fn of_concurrent_failures_one_is_made(store: Subject<dyn Store>) {
    announced(&*store, 1).await;
    let found = overdue_one(&*store, long_ago() + HOUR).await;
    let outcomes = race(16, |_| {
        let (store, found) = (store.share(), found.clone());
        async move { settle(&*store, &found, fail()).await }
    })
    .await;
    let overtaken = outcomes
        .iter()
        .filter(|it| **it == OverdueOutcome::Overtaken);
    assert_eq!(overtaken.count(), 15, "{outcomes:?}");
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
    assert!(store.delete(given::deletion(who.user)).await.unwrap());
    for step in [OverdueStep::Announce, fail()] {
        let outcome = settle(&*store, &found, step).await;
        assert_eq!(outcome, OverdueOutcome::Overtaken);
    }
    assert_eq!(given::tasks(&*store).await, [OutboxTask::Delete]);
}

/// Contract 6.
pub async fn failing_sets_the_state_and_ends_the_cooldown(store: Subject<dyn Store>) {
    let who = announced(&*store, 1).await;
    let at = long_ago() + HOUR;
    let found = overdue_one(&*store, at).await;
    let outcome = settle(&*store, &found, fail()).await;
    let turn = Turn {
        user: who.user,
        number: 1,
    };
    assert_eq!(outcome, OverdueOutcome::Failed { turn: Some(turn) });
    let expected = Registration {
        service: given::learn_me(),
        request_id: given::request_id(1),
        public: false,
        ready: false,
        state: TrainingState::Failed,
        can_use_at: at,
    };
    assert_eq!(registration(&*store, who).await, expected);
    let last_use = store.last_use(who.user, &given::learn_me()).await;
    let last_use = last_use.unwrap().unwrap();
    assert_eq!((last_use.turn, last_use.cooldown_until), (1, at));
    assert_eq!(given::rows(&*store).await, 0);
}

/// Contract 6.
pub async fn failing_gives_back_the_places_of_the_running_windows(store: Subject<dyn Store>) {
    let one = given::person(&*store, 1).await;
    given::registered(&*store, request(one, 1)).await;
    send(&*store, long_ago()).await;
    let other = given::person(&*store, 2).await;
    given::registered(&*store, daily_request(other, 2)).await;
    let late = given::person(&*store, 3).await;
    let refused = store.request(request(late, 3)).await.unwrap();
    assert_eq!(refused, given::seat_taken(&month(), 3));

    let found = overdue(&*store, long_ago() + HOUR).await;
    let found = found.iter().find(|it| it.user == one.user).unwrap();
    // The day is over, the month is not.
    let step = OverdueStep::Fail {
        running: vec![day(1), month()],
    };
    settle(&*store, found, step).await;
    let seats = async |key: &BudgetKey| -> Vec<_> {
        let places = store.places(key).await.unwrap();
        places.into_iter().map(|place| place.seat).collect()
    };
    assert_eq!(seats(&day(0)).await, [1, 2]);
    assert_eq!(seats(&month()).await, [0_u32; 0]);
    given::registered(&*store, request(late, 3)).await;
    assert_eq!(seats(&month()).await, [3]);
}

/// Contract 1 and 6.
pub async fn what_has_failed_is_not_overdue_and_can_be_asked_for_at_once(
    store: Subject<dyn Store>,
) {
    let who = announced(&*store, 1).await;
    let at = long_ago() + HOUR;
    let found = overdue_one(&*store, at).await;
    settle(&*store, &found, fail()).await;
    assert_eq!(overdue(&*store, at + DAY).await, []);
    let outcome = settle(&*store, &found, OverdueStep::Announce).await;
    assert_eq!(outcome, OverdueOutcome::Overtaken);

    let again = NewRegistration {
        request_id: given::request_id(1001),
        turn: 2,
        at,
        ..daily_request(who, 1)
    };
    given::registered(&*store, again).await;
    let now = registration(&*store, who).await;
    assert_eq!(now.state, TrainingState::Training);
    let found = overdue_one(&*store, at + HOUR).await;
    let new = (given::request_id(1001), 1);
    assert_eq!((found.request_id, found.announcements), new);
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
    assert_eq!(given::tasks(&*store).await, [OutboxTask::Train]);
}

/// Contract 7.
pub async fn a_row_that_was_set_aside_is_not_waited_for(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    given::registered(&*store, daily_request(who, 1)).await;
    let row = store.claim(1, HOUR, long_ago()).await.unwrap().remove(0);
    store.set_aside(&row, long_ago()).await.unwrap();
    let mut at = long_ago() + HOUR;
    let found = overdue_one(&*store, at).await;
    let outcome = settle(&*store, &found, OverdueStep::Announce).await;
    assert_eq!(outcome, OverdueOutcome::Announced);
    // The fault may be in what every row of this training has.
    let row = store.claim(1, HOUR, at).await.unwrap().remove(0);
    store.set_aside(&row, at).await.unwrap();
    at += HOUR;
    let found = overdue_one(&*store, at).await;
    let outcome = settle(&*store, &found, fail()).await;
    assert!(matches!(outcome, OverdueOutcome::Failed { .. }));
    let state = registration(&*store, who).await.state;
    assert_eq!(state, TrainingState::Failed);
}

/// Contract 8.
pub async fn a_failed_training_still_finishes_once(store: Subject<dyn Store>) {
    let who = announced(&*store, 1).await;
    let at = long_ago() + HOUR;
    let found = overdue_one(&*store, at).await;
    settle(&*store, &found, fail()).await;
    let ready = given::ready(who.account);
    let spare = given::request_id(500);
    for expected in [FinishOutcome::Finished, FinishOutcome::AlreadyFinished] {
        let outcome = store.finish(&ready, spare, at).await.unwrap();
        assert_eq!(outcome, expected);
    }
    let finished = registration(&*store, who).await;
    assert_eq!(
        (finished.ready, finished.state),
        (true, TrainingState::Ready)
    );
    assert_eq!(given::tasks(&*store).await, [OutboxTask::Notify]);
    assert_eq!(overdue(&*store, at + DAY).await, []);
}

/// Contract 6.
pub async fn failing_leaves_ready_and_public_as_they_are(store: Subject<dyn Store>) {
    let who = announced(&*store, 1).await;
    let ready = given::ready(who.account);
    let spare = given::request_id(500);
    store.finish(&ready, spare, long_ago()).await.unwrap();
    let publication = Publication {
        user: who.user,
        service: given::learn_me(),
        public: true,
    };
    store.set_public(publication).await.unwrap();
    let week = long_ago() + 7 * DAY;
    let again = NewRegistration {
        request_id: given::request_id(1001),
        turn: 2,
        places: vec![given::place(day(7), 1)],
        at: week,
        ..daily_request(who, 1)
    };
    given::registered(&*store, again).await;
    // The notification of the first, then the second training.
    send(&*store, week).await;
    send(&*store, week).await;
    let found = overdue_one(&*store, week + HOUR).await;
    settle(&*store, &found, fail()).await;
    let failed = registration(&*store, who).await;
    let shown = (failed.ready, failed.public, failed.state);
    assert_eq!(shown, (true, true, TrainingState::Failed));
}
