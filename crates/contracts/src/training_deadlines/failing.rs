//! Contract 4, 6 and 8: a training has failed.

use lemon_domain::{
    ports::{FinishOutcome, NewRegistration, OverdueOutcome, OverdueStep},
    values::{BudgetKey, Registration, Scope, TaskKind, TrainingState, Turn},
};

use super::{
    announced, daily_request, day, fail, long_ago, month, overdue, overdue_one, registration,
    request, send, settle,
};
use crate::{
    given::{self, DAY, HOUR},
    race::race,
    store::Store,
    subject::Subject,
};

/// Contract 4.
pub async fn one_of_concurrent_failures_takes_effect(store: Subject<dyn Store>) {
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

/// Contract 6: the person's turns in both services have the same number.
pub async fn failing_gives_back_the_places_of_its_service_in_a_shared_budget(
    store: Subject<dyn Store>,
) {
    let shared = BudgetKey {
        scope: Scope::shared(),
        ..month()
    };
    let who = given::person(&*store, 1).await;
    for (seat, service, units) in [(1, given::learn_me(), 60), (2, given::draw_me(), 40)] {
        let mut new = request(who, seat);
        new.places[1].key = shared.clone();
        new.places[1].units = units;
        given::registered(&*store, given::of(service, new)).await;
    }
    send(&*store, long_ago()).await;
    let found = overdue_one(&*store, long_ago() + HOUR).await;
    let step = OverdueStep::Fail {
        running: vec![day(0), shared.clone()],
    };
    settle(&*store, &found, step).await;
    let places = store.places(&shared).await.unwrap();
    let left: Vec<_> = places.iter().map(|it| (it.seat, it.units)).collect();
    assert_eq!(left, [(2, 40)]);
    let late = given::person(&*store, 2).await;
    let mut new = request(late, 3);
    new.places[1].key = shared.clone();
    given::registered(&*store, new).await;
}

/// Contract 1 and 6.
pub async fn a_failed_training_is_not_overdue_and_can_be_requested_at_once(
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

/// Contract 8.
pub async fn a_failed_training_still_finishes_once(store: Subject<dyn Store>) {
    let who = announced(&*store, 1).await;
    let at = long_ago() + HOUR;
    let found = overdue_one(&*store, at).await;
    settle(&*store, &found, fail()).await;
    let ready = given::ready(who.account);
    let spare = given::request_id(500);
    let finished = FinishOutcome::Finished {
        user: who.user,
        request_id: found.request_id,
    };
    for expected in [finished, FinishOutcome::AlreadyFinished] {
        let outcome = store.finish(&ready, spare, at).await.unwrap();
        assert_eq!(outcome, expected);
    }
    let finished = registration(&*store, who).await;
    assert_eq!(
        (finished.ready, finished.state),
        (true, TrainingState::Ready)
    );
    assert_eq!(given::tasks(&*store).await, [TaskKind::Notify]);
    assert_eq!(overdue(&*store, at + DAY).await, []);
}

/// Contract 6.
pub async fn failing_leaves_ready_and_public_as_they_are(store: Subject<dyn Store>) {
    let who = announced(&*store, 1).await;
    let ready = given::ready(who.account);
    let spare = given::request_id(500);
    store.finish(&ready, spare, long_ago()).await.unwrap();
    given::published(&*store, who.user).await;
    let week = long_ago() + 7 * DAY;
    let again = NewRegistration {
        request_id: given::request_id(1001),
        turn: 2,
        places: vec![given::place(day(7), 1)],
        at: week,
        ..daily_request(who, 1)
    };
    given::registered(&*store, again).await;
    // First the notification of the first training, then the second training.
    send(&*store, week).await;
    send(&*store, week).await;
    let found = overdue_one(&*store, week + HOUR).await;
    settle(&*store, &found, fail()).await;
    let failed = registration(&*store, who).await;
    let shown = (failed.ready, failed.public, failed.state);
    assert_eq!(shown, (true, true, TrainingState::Failed));
}
