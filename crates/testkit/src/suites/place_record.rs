//! Cases of the `PlaceRecord` contract.

use lemon_domain::{
    ports::{Expiring, NewRegistration, PURGE_SLACK},
    values::{BudgetKey, BudgetName, Holder, Place},
};

use super::{
    Store,
    given::{self, MICROSECOND},
};
use crate::Subject;

/// Emits the cases for a function that makes a fresh, empty [`Subject<dyn Store>`](crate::suites::Store).
#[macro_export]
macro_rules! place_record_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::suites::place_record,
            $subject,
            [
                every_place_of_a_request_is_there,
                places_come_by_seat,
                places_of_each_use_of_a_window_are_there,
                a_deletion_takes_no_place_away,
                a_place_stays_until_its_window_is_over,
                other_services_budgets_and_windows_have_places_of_their_own,
            ]
        );
    };
}

async fn seats(store: &dyn Store, key: &BudgetKey) -> Vec<u32> {
    let places = store.places(key).await.unwrap();
    places.iter().map(|place| place.seat).collect()
}

/// Contract 1.
pub async fn every_place_of_a_request_is_there(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    let mut reads = given::place(given::reads(), 2);
    reads.units = 3200;
    let new = NewRegistration {
        turn: 4,
        places: vec![given::place(given::today(), 7), reads],
        ..given::request(who, 7)
    };
    given::registered(&*store, new).await;
    let place = |seat, units| Place {
        holder: Holder {
            user: who.user,
            turn: 4,
        },
        seat,
        units,
        at: given::now(),
    };
    let daily = store.places(&given::today()).await.unwrap();
    assert_eq!(daily, [place(7, 1)]);
    let reads = store.places(&given::reads()).await.unwrap();
    assert_eq!(reads, [place(2, 3200)]);
}

/// Contract 1.
pub async fn places_come_by_seat(store: Subject<dyn Store>) {
    for n in [3, 1, 10, 2] {
        given::registered_person(&*store, n).await;
    }
    assert_eq!(seats(&*store, &given::today()).await, [1, 2, 3, 10]);
}

/// Contract 1: a cooldown may be shorter than the window.
pub async fn places_of_each_use_of_a_window_are_there(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let again = NewRegistration {
        places: vec![given::place(given::today(), 2)],
        ..given::next_request(who, 2)
    };
    given::registered(&*store, again).await;
    let places = store.places(&given::today()).await.unwrap();
    let held: Vec<_> = places.iter().map(|it| (it.holder.turn, it.seat)).collect();
    assert_eq!(held, [(1, 1), (2, 2)]);
}

/// Contract 1.
pub async fn a_deletion_takes_no_place_away(store: Subject<dyn Store>) {
    let one = given::registered_person(&*store, 1).await;
    given::registered_person(&*store, 2).await;
    assert!(store.delete(given::deletion(one.user)).await.unwrap());
    assert_eq!(seats(&*store, &given::today()).await, [1, 2]);
}

/// Contract 1.
pub async fn a_place_stays_until_its_window_is_over(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    let brief = NewRegistration {
        cooldown_until: given::now(),
        ..given::request(who, 1)
    };
    given::registered(&*store, brief).await;
    let end = given::today().window.end;
    let last_moment = end - MICROSECOND + PURGE_SLACK;
    for what in Expiring::ALL {
        store.purge(what, last_moment).await.unwrap();
    }
    assert_eq!(seats(&*store, &given::today()).await, [1]);
}

/// Contract 2.
pub async fn other_services_budgets_and_windows_have_places_of_their_own(
    store: Subject<dyn Store>,
) {
    given::registered_person(&*store, 1).await;
    let other_service = BudgetKey {
        service: given::draw_me(),
        ..given::today()
    };
    let other_budget = BudgetKey {
        budget: BudgetName::parse("reads").unwrap(),
        ..given::today()
    };
    for key in [other_service, other_budget, given::next_week()] {
        assert_eq!(store.places(&key).await.unwrap(), []);
    }
    assert_eq!(seats(&*store, &given::today()).await, [1]);
}
