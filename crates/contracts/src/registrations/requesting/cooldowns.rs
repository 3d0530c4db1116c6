//! Contract 2: a person who has used a service waits.

use lemon_domain::{
    ports::{NewRegistration, RequestOutcome},
    values::TaskKind,
};

use super::{assert_used_before, current_request, expected_use, last_use, seats};
use crate::{
    given::{self, MICROSECOND},
    race::race,
    store::Store,
    subject::Subject,
};

/// Contract 2.
pub async fn a_running_cooldown_answers_used_before(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let first = given::request(who, 1);
    let early = NewRegistration {
        at: first.cooldown_until - MICROSECOND,
        ..given::next_request(who, 2)
    };
    assert_used_before(&*store, early, &first).await;
    assert_eq!(current_request(&*store, who.user).await, first.request_id);
    assert_eq!(
        last_use(&*store, who.user).await,
        Some(expected_use(&first))
    );
    assert_eq!(store.places(&given::next_week()).await.unwrap(), []);
    assert_eq!(given::rows(&*store).await, 1);
}

/// Contract 2.
pub async fn a_cooldown_is_over_at_its_end(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let again = NewRegistration {
        at: given::request(who, 1).cooldown_until,
        ..given::next_request(who, 1)
    };
    given::registered(&*store, again.clone()).await;
    assert_eq!(
        last_use(&*store, who.user).await,
        Some(expected_use(&again))
    );
}

/// Contract 2.
pub async fn a_turn_already_used_answers_used_before(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let second = given::next_request(who, 1);
    given::registered(&*store, second.clone()).await;
    for turn in [1, 2] {
        let overtaken = NewRegistration {
            turn,
            places: vec![given::place(given::next_week(), 2)],
            at: second.cooldown_until,
            ..second.clone()
        };
        assert_used_before(&*store, overtaken, &second).await;
    }
    assert_eq!(seats(&*store, &given::next_week()).await, [1]);
}

/// Contract 2: a repeated call holds the same place that the first call stored.
pub async fn a_repeated_request_answers_used_before_and_not_seat_taken(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let first = given::request(who, 1);
    let repeated = NewRegistration {
        request_id: given::request_id(2),
        ..first.clone()
    };
    assert_used_before(&*store, repeated, &first).await;
}

/// Contract 2.
pub async fn one_of_concurrent_requests_of_one_person_is_stored(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    let outcomes = race(16, |i| {
        let store = store.share();
        let new = given::request(who, u32::try_from(i).unwrap() + 1);
        async move { store.request(new).await.unwrap() }
    })
    .await;
    let stored = last_use(&*store, who.user).await.unwrap();
    let (winners, losers): (Vec<_>, Vec<_>) = (1..)
        .zip(outcomes)
        .partition(|(_, outcome)| *outcome == RequestOutcome::Registered);
    assert_eq!(winners.len(), 1);
    for (_, loser) in losers {
        assert_eq!(loser, RequestOutcome::UsedBefore(stored.clone()));
    }
    assert_eq!(seats(&*store, &given::today()).await, [winners[0].0]);
    assert_eq!(given::tasks(&*store).await, [TaskKind::Train]);
}

/// Contract 2.
pub async fn services_and_people_have_their_own_cooldowns(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let other_service = given::of(given::draw_me(), given::request(who, 2));
    given::registered(&*store, other_service).await;
    given::registered_person(&*store, 3).await;
    assert_eq!(given::rows(&*store).await, 3);
}
