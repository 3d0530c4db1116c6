//! Contract 4 and 5: cooldowns and trainings of imported registrations.

use lemon_domain::{
    ports::{FinishOutcome, NewRegistration, OverdueOutcome, OverdueStep, RequestOutcome},
    values::{TaskKind, TrainingState, Turn},
};

use super::{bring, bring_new, listed, person, person_in};
use crate::{
    given::{self, HOUR, MICROSECOND},
    store::Store,
    subject::Subject,
};

/// Contract 4.
pub async fn the_cooldown_blocks_requests_until_its_end(store: Subject<dyn Store>) {
    let who = bring_new(&*store, &person(1)).await;
    let end = person(1).registrations[0].shown.can_use_at;
    let last = store.last_use(who.user, &given::learn_me()).await.unwrap();
    let last = last.unwrap();
    assert_eq!((last.turn, last.cooldown_until), (1, end));
    let early = NewRegistration {
        at: end - MICROSECOND,
        ..given::next_request(who, 1)
    };
    let blocked = store.request(early).await.unwrap();
    assert_eq!(blocked, RequestOutcome::UsedBefore(last));
    let again = NewRegistration {
        at: end,
        ..given::next_request(who, 1)
    };
    given::registered(&*store, again.clone()).await;
    let shown = listed(&*store, who.user).await.remove(0);
    assert_eq!(shown.request_id, again.request_id);
    assert!(shown.ready && shown.public);
}

/// Contract 4.
pub async fn nothing_is_sent_and_no_place_is_taken(store: Subject<dyn Store>) {
    let states = [
        TrainingState::Ready,
        TrainingState::Training,
        TrainingState::Failed,
    ];
    let people: Vec<_> = (1..)
        .zip(states)
        .map(|(n, state)| person_in(n, state))
        .collect();
    bring(&*store, &people).await;
    assert_eq!(given::rows(&*store).await, 0);
    assert_eq!(store.places(&given::today()).await.unwrap(), []);
    for (person, state) in people.iter().zip(states) {
        assert_eq!(listed(&*store, person.user).await[0].state, state);
    }
}

/// Contract 5.
pub async fn a_training_under_way_is_overdue_after_its_deadline(store: Subject<dyn Store>) {
    let under_way = person_in(1, TrainingState::Training);
    bring_new(&*store, &under_way).await;
    bring_new(&*store, &person_in(2, TrainingState::Ready)).await;
    bring_new(&*store, &person_in(3, TrainingState::Failed)).await;
    let overdue = async |at| {
        let service = given::learn_me();
        store.overdue(&service, HOUR, None, 10, at).await.unwrap()
    };
    let deadline = given::now() + HOUR;
    assert_eq!(overdue(deadline - MICROSECOND).await, []);
    let found = overdue(deadline).await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].user, found[0].announcements), (under_way.user, 3));
    assert_eq!(found[0].announced_at, given::now());
}

/// Contract 5.
pub async fn a_training_under_way_fails_after_its_deadline(store: Subject<dyn Store>) {
    let who = bring_new(&*store, &person_in(1, TrainingState::Training)).await;
    let at = given::now() + HOUR;
    let service = given::learn_me();
    let found = store.overdue(&service, HOUR, None, 10, at).await.unwrap();
    let fail = OverdueStep::Fail {
        running: vec![given::today()],
    };
    let turn = Turn {
        user: who.user,
        number: 1,
    };
    let outcome = store.settle(&found[0], fail).await.unwrap();
    assert_eq!(outcome, OverdueOutcome::Failed { turn: Some(turn) });
    let shown = listed(&*store, who.user).await.remove(0);
    assert_eq!((shown.state, shown.can_use_at), (TrainingState::Failed, at));
    assert_eq!(given::rows(&*store).await, 0);
    let again = NewRegistration {
        turn: 2,
        at,
        ..given::request(who, 1)
    };
    given::registered(&*store, again).await;
}

/// Contract 5: a message of the earlier system's job has no request id.
pub async fn a_ready_message_finishes_what_is_under_way_or_has_failed(store: Subject<dyn Store>) {
    for (n, state) in [(1, TrainingState::Training), (2, TrainingState::Failed)] {
        let who = bring_new(&*store, &person_in(n, state)).await;
        let finish = async || {
            let ready = given::ready(who.account);
            let spare = given::request_id(99);
            store.finish(&ready, spare, given::now()).await.unwrap()
        };
        assert!(matches!(finish().await, FinishOutcome::Finished { .. }));
        assert_eq!(finish().await, FinishOutcome::AlreadyFinished);
        let shown = listed(&*store, who.user).await.remove(0);
        assert_eq!(shown.state, TrainingState::Ready);
        assert!(shown.ready);
        assert_eq!(given::tasks(&*store).await, [TaskKind::Notify]);
    }
}

/// Contract 5.
pub async fn a_ready_message_for_what_is_ready_changes_nothing(store: Subject<dyn Store>) {
    let who = bring_new(&*store, &person(1)).await;
    let ready = given::ready(who.account);
    let outcome = store.finish(&ready, given::request_id(99), given::now());
    assert_eq!(outcome.await.unwrap(), FinishOutcome::AlreadyFinished);
    assert_eq!(given::rows(&*store).await, 0);
}
