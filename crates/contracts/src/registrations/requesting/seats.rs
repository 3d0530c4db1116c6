//! Contract 3: a seat belongs to one person.

use lemon_domain::{
    ports::{NewRegistration, RequestOutcome},
    values::{BudgetKey, Identity},
};

use super::{expected_place, seats};
use crate::{given, race::race, store::Store, subject::Subject};

/// Contract 3.
pub async fn a_seat_of_another_request_answers_seat_taken(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let other = given::person(&*store, 2).await;
    let same_seat = NewRegistration {
        request_id: given::request_id(2),
        ..given::request(other, 1)
    };
    let outcome = store.request(same_seat).await.unwrap();
    assert_eq!(outcome, given::seat_taken(&given::today(), 1));
    let places = store.places(&given::today()).await.unwrap();
    assert_eq!(places, [expected_place(&given::request(who, 1), 0)]);
    given::registered(&*store, given::request(other, 2)).await;
}

/// Contract 3.
pub async fn one_of_concurrent_requests_for_one_seat_is_stored(store: Subject<dyn Store>) {
    let mut people: Vec<Identity> = Vec::new();
    for n in 1..=16 {
        people.push(given::person(&*store, n).await);
    }
    let outcomes = race(16, |i| {
        let store = store.share();
        let new = NewRegistration {
            request_id: given::request_id(i),
            ..given::request(people[i], 1)
        };
        async move { store.request(new).await.unwrap() }
    })
    .await;
    let taken = outcomes
        .iter()
        .filter(|outcome| **outcome == given::seat_taken(&given::today(), 1));
    assert_eq!(taken.count(), 15);
    let winner = outcomes
        .iter()
        .position(|outcome| *outcome == RequestOutcome::Registered)
        .unwrap();
    let places = store.places(&given::today()).await.unwrap();
    assert_eq!(
        places,
        [expected_place(&given::request(people[winner], 1), 0)]
    );
    let rows = given::outbox(&*store).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].content.account, people[winner].account);
}

/// Contract 3.
pub async fn a_seat_is_taken_only_in_its_service_budget_and_window(store: Subject<dyn Store>) {
    given::registered_person(&*store, 1).await;
    let elsewhere = BudgetKey {
        scope: (&given::draw_me()).into(),
        ..given::today()
    };
    let of_learn_me = [given::next_week(), given::reads()].map(|key| (given::learn_me(), key));
    let others = of_learn_me
        .into_iter()
        .chain([(given::draw_me(), elsewhere)]);
    for (n, (service, key)) in (2..).zip(others) {
        let who = given::person(&*store, n).await;
        let new = NewRegistration {
            service,
            request_id: given::request_id(n),
            places: vec![given::place(key.clone(), 1)],
            ..given::request(who, 1)
        };
        given::registered(&*store, new).await;
        assert_eq!(seats(&*store, &key).await, [1]);
    }
}

/// Contract 3.
pub async fn a_taken_seat_of_any_budget_answers_seat_taken(store: Subject<dyn Store>) {
    let places = |daily, reads| {
        vec![
            given::place(given::today(), daily),
            given::place(given::reads(), reads),
        ]
    };
    let one = given::person(&*store, 1).await;
    let first = NewRegistration {
        places: places(1, 1),
        ..given::request(one, 1)
    };
    given::registered(&*store, first).await;
    let two = given::person(&*store, 2).await;
    let second = NewRegistration {
        places: places(2, 1),
        ..given::request(two, 2)
    };
    let outcome = store.request(second).await.unwrap();
    assert_eq!(outcome, given::seat_taken(&given::reads(), 1));
    assert_eq!(seats(&*store, &given::today()).await, [1]);
}
