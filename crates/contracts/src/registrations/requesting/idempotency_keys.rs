//! Contract 2: a repeated attempt gets the same answer.

use lemon_domain::{
    ports::{NewRegistration, RequestOutcome},
    values::TaskKind,
};

use super::{answered, expected_answer, expected_use, last_use, seats};
use crate::{
    given::{self, MICROSECOND},
    race::race,
    store::Store,
    subject::Subject,
};

async fn assert_repeated(store: &dyn Store, new: NewRegistration, earlier: &NewRegistration) {
    let outcome = store.request(new).await.unwrap();
    assert_eq!(outcome, RequestOutcome::Repeated(expected_answer(earlier)));
}

/// Contract 2.
pub async fn a_known_attempt_is_repeated_within_the_cooldown_and_after(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    let first = NewRegistration {
        attempt: Some(given::attempt("attempt 1")),
        ..given::request(who, 1)
    };
    given::registered(&*store, first.clone()).await;
    let repeated = NewRegistration {
        attempt: first.attempt.clone(),
        ..given::next_request(who, 1)
    };
    let early = NewRegistration {
        at: first.cooldown_until - MICROSECOND,
        ..repeated.clone()
    };
    for again in [first.clone(), early, repeated] {
        assert_repeated(&*store, again, &first).await;
    }
    assert_eq!(
        last_use(&*store, who.user).await,
        Some(expected_use(&first))
    );
    assert_eq!(given::rows(&*store).await, 1);
}

/// Contract 2: a client may repeat an old attempt after it has made a later one.
pub async fn an_attempt_is_repeated_also_after_a_later_one(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    let first = NewRegistration {
        attempt: Some(given::attempt("attempt 1")),
        ..given::request(who, 1)
    };
    given::registered(&*store, first.clone()).await;
    let second = NewRegistration {
        attempt: Some(given::attempt("attempt 2")),
        ..given::next_request(who, 2)
    };
    given::registered(&*store, second.clone()).await;
    for (key, earlier) in [("attempt 1", &first), ("attempt 2", &second)] {
        let repeated = NewRegistration {
            turn: 3,
            places: vec![given::place(given::next_week(), 3)],
            attempt: Some(given::attempt(key)),
            at: second.cooldown_until,
            ..second.clone()
        };
        assert_repeated(&*store, repeated, earlier).await;
        let remembered = answered(&*store, who, key).await;
        assert_eq!(remembered, Some(expected_answer(earlier)));
    }
    assert_eq!(seats(&*store, &given::next_week()).await, [2]);
    assert_eq!(given::rows(&*store).await, 2);
}

/// Contract 2.
pub async fn an_attempt_belongs_to_one_person_and_service(store: Subject<dyn Store>) {
    let (who, other) = (
        given::person(&*store, 1).await,
        given::person(&*store, 2).await,
    );
    let first = NewRegistration {
        attempt: Some(given::attempt("attempt 1")),
        ..given::request(who, 1)
    };
    given::registered(&*store, first.clone()).await;
    assert_eq!(answered(&*store, other, "attempt 1").await, None);
    assert_eq!(answered(&*store, who, "attempt 2").await, None);
    let theirs = NewRegistration {
        attempt: first.attempt.clone(),
        ..given::request(other, 2)
    };
    given::registered(&*store, theirs).await;
    let again = NewRegistration {
        request_id: given::request_id(3),
        ..first
    };
    given::registered(&*store, given::of(given::draw_me(), again)).await;
}

/// Contract 2.
pub async fn two_requests_without_an_idempotency_key_do_not_share_one(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    given::registered(&*store, given::next_request(who, 1)).await;
    assert_eq!(given::rows(&*store).await, 2);
}

/// Contract 2: a client may repeat a call while the first call is in flight.
pub async fn one_of_concurrent_requests_with_one_idempotency_key_is_stored(
    store: Subject<dyn Store>,
) {
    let who = given::person(&*store, 1).await;
    let outcomes = race(16, |i| {
        let store = store.share();
        let new = NewRegistration {
            request_id: given::request_id(i),
            attempt: Some(given::attempt("attempt 1")),
            ..given::request(who, 1)
        };
        async move { store.request(new).await.unwrap() }
    })
    .await;
    let answer = expected_answer(&given::request(who, 1));
    let registered = outcomes
        .iter()
        .filter(|outcome| **outcome == RequestOutcome::Registered);
    assert_eq!(registered.count(), 1);
    let told = outcomes
        .iter()
        .filter(|outcome| **outcome == RequestOutcome::Repeated(answer));
    assert_eq!(told.count(), 15);
    assert_eq!(given::tasks(&*store).await, [TaskKind::Train]);
}
