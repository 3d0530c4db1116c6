//! Contract 3: limits hold, whatever a counter gave.

use lemon_domain::{
    ports::{NewRegistration, RequestOutcome},
    values::{BudgetKey, ServiceType, Window},
};

use crate::{given, store::Store};
use crate::{race::race, subject::Subject};

/// A request that also takes units of a budget of a hundred.
async fn with_units(store: &dyn Store, n: usize, key: BudgetKey, units: u32) -> NewRegistration {
    let who = given::person(store, n).await;
    let seat = u32::try_from(n).unwrap();
    let mut place = given::place(key, seat);
    (place.units, place.limit) = (units, 100);
    NewRegistration {
        service: ServiceType::parse(place.key.scope.as_str()).unwrap(),
        places: vec![
            given::place(
                BudgetKey {
                    scope: place.key.scope.clone(),
                    ..given::today()
                },
                seat,
            ),
            place,
        ],
        ..given::request(who, seat)
    }
}

async fn units(store: &dyn Store, key: &BudgetKey) -> Vec<u32> {
    let places = store.places(key).await.unwrap();
    places.iter().map(|place| place.units).collect()
}

/// Contract 3.
pub async fn a_seat_above_the_days_limit_answers_seat_taken(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    let above = given::request(who, 401);
    let outcome = store.request(above).await.unwrap();
    assert_eq!(outcome, given::seat_taken(&given::today(), 401));
    assert_eq!(store.list(who.user).await.unwrap(), []);
    given::registered(&*store, given::request(who, 400)).await;
}

/// Contract 3: a counter that forgot the window may have given a seat to each of these requests.
pub async fn units_that_add_up_to_more_than_the_limit_answer_seat_taken(store: Subject<dyn Store>) {
    let reads = given::reads();
    for (n, takes, fits) in [
        (1, 101, false),
        (2, 60, true),
        (3, 60, false),
        (4, 41, false),
        (5, 40, true),
        (6, 1, false),
    ] {
        let new = with_units(&*store, n, reads.clone(), takes).await;
        let outcome = store.request(new).await.unwrap();
        let expected = if fits {
            RequestOutcome::Registered
        } else {
            given::seat_taken(&reads, u32::try_from(n).unwrap())
        };
        assert_eq!(outcome, expected, "{takes} units");
    }
    assert_eq!(units(&*store, &reads).await, [60, 40]);
}

/// Contract 3.
pub async fn a_refused_request_takes_no_units(store: Subject<dyn Store>) {
    let reads = given::reads();
    given::registered_person(&*store, 1).await;
    let mut refused = with_units(&*store, 2, reads.clone(), 60).await;
    refused.places[0].seat = 1;
    let outcome = store.request(refused).await.unwrap();
    assert_eq!(outcome, given::seat_taken(&given::today(), 1));
    let new = with_units(&*store, 3, reads, 100).await;
    given::registered(&*store, new).await;
}

/// Contract 3.
pub async fn units_are_added_up_in_their_service_budget_and_window(store: Subject<dyn Store>) {
    let later = Window {
        start: given::reads().window.end,
        end: given::reads().window.end + given::DAY,
    };
    let keys = [
        given::reads(),
        BudgetKey {
            window: later,
            ..given::reads()
        },
        BudgetKey {
            scope: (&given::draw_me()).into(),
            ..given::reads()
        },
    ];
    for (n, key) in keys.into_iter().enumerate() {
        let new = with_units(&*store, n + 1, key, 100).await;
        given::registered(&*store, new).await;
    }
}

/// Contract 3.
pub async fn concurrent_requests_are_stored_while_their_units_fit(store: Subject<dyn Store>) {
    let mut all = Vec::new();
    for n in 1..=16 {
        all.push(with_units(&*store, n, given::reads(), 30).await);
    }
    let outcomes = race(16, |i| {
        let (store, new) = (store.share(), all[i].clone());
        async move { store.request(new).await.unwrap() }
    })
    .await;
    let stored = outcomes
        .iter()
        .filter(|outcome| **outcome == RequestOutcome::Registered);
    assert_eq!(stored.count(), 3, "{outcomes:?}");
    assert_eq!(units(&*store, &given::reads()).await, [30, 30, 30]);
}

/// Contract 3: also those of one person, whose turns in two services have the same number.
pub async fn the_units_of_all_services_that_share_a_budget_are_added_up(store: Subject<dyn Store>) {
    let shared = given::shared_reads();
    let who = given::person(&*store, 1).await;
    for (seat, service, takes, fits) in [
        (1, given::learn_me(), 60, true),
        (2, given::draw_me(), 41, false),
        (2, given::draw_me(), 40, true),
    ] {
        let mut new = given::request(who, seat);
        let mut place = given::place(shared.clone(), seat);
        (place.units, place.limit) = (takes, 100);
        new.places.push(place);
        let outcome = store.request(given::of(service, new)).await.unwrap();
        let expected = if fits {
            RequestOutcome::Registered
        } else {
            given::seat_taken(&shared, seat)
        };
        assert_eq!(outcome, expected, "{takes} units");
    }
    assert_eq!(units(&*store, &shared).await, [60, 40]);
}
