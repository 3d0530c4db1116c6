//! Cases of the `PlaceRecord` contract.

use std::collections::BTreeSet;

use lemon_domain::{
    ports::{Expiring, NewRegistration, PURGE_SLACK, ReservedPlace},
    values::{BudgetKey, BudgetName, Place, Segment, SegmentSums, Sums, Turn, UserId},
};

use crate::{
    given::{self, MICROSECOND},
    store::Store,
};
use crate::{race::race, subject::Subject};

/// Emits the cases for a function that makes a fresh, empty [`Subject<dyn Store>`](crate::Store).
#[macro_export]
macro_rules! place_record_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::place_record,
            $subject,
            [
                every_place_of_a_request_is_there,
                places_are_ordered_by_seat,
                places_of_each_use_of_a_window_are_there,
                a_deletion_removes_no_place,
                a_place_stays_until_its_window_is_over,
                other_services_budgets_and_windows_have_their_own_places,
                holders_of_a_shared_budget_name_their_service,
                a_segment_has_the_places_on_its_seats,
                sums_are_read_in_portions_each_segment_once,
                sums_begin_at_the_requested_segment,
                sums_are_those_of_the_places,
                a_total_equals_the_units_of_the_places,
                corrections_of_a_total_lose_no_request_that_is_stored_meanwhile,
            ]
        );
    };
}

async fn seats(store: &dyn Store, key: &BudgetKey) -> Vec<u32> {
    let places = store.places(key).await.unwrap();
    places.iter().map(|place| place.seat).collect()
}

fn turn(user: UserId, number: u32) -> Turn {
    Turn { user, number }
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
        holder: turn(who.user, 4).holder(),
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
pub async fn places_are_ordered_by_seat(store: Subject<dyn Store>) {
    for n in [3, 1, 10, 2] {
        given::registered_person(&*store, n).await;
    }
    assert_eq!(seats(&*store, &given::today()).await, [1, 2, 3, 10]);
}

/// Contract 1: a cooldown that is shorter than the window allows several uses in one window.
pub async fn places_of_each_use_of_a_window_are_there(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let again = NewRegistration {
        places: vec![given::place(given::today(), 2)],
        ..given::next_request(who, 2)
    };
    given::registered(&*store, again).await;
    let places = store.places(&given::today()).await.unwrap();
    let held: Vec<_> = places.iter().map(|it| (&it.holder, it.seat)).collect();
    let [first, second] = [1, 2].map(|number| turn(who.user, number).holder());
    assert_eq!(held, [(&first, 1), (&second, 2)]);
}

/// Contract 1.
pub async fn a_deletion_removes_no_place(store: Subject<dyn Store>) {
    let one = given::registered_person(&*store, 1).await;
    given::registered_person(&*store, 2).await;
    assert!(
        store
            .delete(given::deletion(one.user))
            .await
            .unwrap()
            .is_some()
    );
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
pub async fn holders_of_a_shared_budget_name_their_service(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    let first = turn(who.user, 1);
    let mut expected = Vec::new();
    for (seat, service) in [(1, given::learn_me()), (2, given::draw_me())] {
        let mut new = given::request(who, seat);
        new.places.push(given::place(given::shared_reads(), seat));
        let new = given::of(service.clone(), new);
        let day = new.places[0].key.clone();
        given::registered(&*store, new).await;
        let place = Place {
            holder: first.holder_of(&service),
            seat,
            units: 1,
            at: given::now(),
        };
        expected.push(place);
        assert_eq!(
            store.places(&day).await.unwrap(),
            expected[expected.len() - 1..]
        );
    }
    let shared = given::shared_reads();
    assert_eq!(store.places(&shared).await.unwrap(), expected);
    let sums = store.sums(&shared, Segment::FIRST).await.unwrap();
    let expected = Some(Sums::of(&expected));
    assert_eq!(sums.segments.get(&Segment::FIRST), Some(&expected));
}

/// Contract 2.
pub async fn other_services_budgets_and_windows_have_their_own_places(store: Subject<dyn Store>) {
    given::registered_person(&*store, 1).await;
    let other_service = BudgetKey {
        scope: (&given::draw_me()).into(),
        ..given::today()
    };
    let other_budget = BudgetKey {
        budget: BudgetName::parse("reads").unwrap(),
        ..given::today()
    };
    for key in [other_service, other_budget, given::next_week()] {
        assert_eq!(store.places(&key).await.unwrap(), []);
        let sums = store.sums(&key, Segment::FIRST).await.unwrap();
        assert_eq!((sums.segments.len(), sums.next), (0, None));
        let places = store.segment(&key, Segment::FIRST).await.unwrap();
        assert_eq!(places, []);
    }
    assert_eq!(seats(&*store, &given::today()).await, [1]);
}

/// A place in a budget without a limit.
fn unlimited(key: BudgetKey, seat: u32) -> ReservedPlace {
    ReservedPlace {
        limit: u32::MAX,
        ..given::place(key, seat)
    }
}

/// A person for each of the seats of a budget.
async fn registered_on(store: &dyn Store, key: &BudgetKey, seats: &[u32]) {
    for (n, seat) in (1..).zip(seats) {
        let who = given::person(store, n).await;
        let new = NewRegistration {
            places: vec![unlimited(key.clone(), *seat)],
            ..given::request(who, *seat)
        };
        given::registered(store, new).await;
    }
}

/// Contract 3: the first and the last seat of a segment are part of it.
pub async fn a_segment_has_the_places_on_its_seats(store: Subject<dyn Store>) {
    registered_on(&*store, &given::today(), &[1, 1024, 1025, 2048, 2049]).await;
    for (segment, expected) in [
        (0, &[1, 1024][..]),
        (1, &[1025, 2048]),
        (2, &[2049]),
        (3, &[]),
        (4_194_303, &[]),
    ] {
        let places = store.segment(&given::today(), Segment::new(segment)).await;
        let seats: Vec<u32> = places.unwrap().iter().map(|place| place.seat).collect();
        assert_eq!(seats, expected, "segment {segment}");
    }
}

const SCATTERED: [u32; 9] = [
    1,
    700,
    2_000,
    3_000,
    70_000,
    70_001,
    200_000,
    1_000_000,
    u32::MAX,
];

/// Contract 4: gaps of any size between segments do not end the reading.
pub async fn sums_are_read_in_portions_each_segment_once(store: Subject<dyn Store>) {
    registered_on(&*store, &given::today(), &SCATTERED).await;
    let mut met = Vec::new();
    let mut from = Some(Segment::FIRST);
    while let Some(first) = from {
        let portion = store.sums(&given::today(), first).await.unwrap();
        let range = |segment: &Segment| {
            first <= *segment && portion.next.is_none_or(|next| *segment < next)
        };
        assert!(portion.segments.keys().all(range), "{portion:?}");
        assert!(portion.next.is_none_or(|next| first < next), "{portion:?}");
        met.extend(portion.segments.into_keys());
        from = portion.next;
    }
    let expected: BTreeSet<Segment> = SCATTERED.into_iter().map(Segment::of).collect();
    assert_eq!(met, Vec::from_iter(expected));
}

/// Contract 4: so an interrupted comparison can continue.
pub async fn sums_begin_at_the_requested_segment(store: Subject<dyn Store>) {
    registered_on(&*store, &given::today(), &[1, 1025, 5000]).await;
    let from = Segment::of(1025);
    let portion = store.sums(&given::today(), from).await.unwrap();
    let first = portion.segments.first_key_value();
    assert_eq!(first.map(|(segment, _)| *segment), Some(from));
    let beyond = store
        .sums(&given::today(), Segment::of(7000))
        .await
        .unwrap();
    assert_eq!((beyond.segments.len(), beyond.next), (0, None));
}

/// Contract 5: with places of several units and several uses in a segment.
pub async fn sums_are_those_of_the_places(store: Subject<dyn Store>) {
    let key = given::reads();
    registered_on(&*store, &key, &[1, 2, 1024, 1025]).await;
    let who = given::person(&*store, 9).await;
    let large = ReservedPlace {
        units: u32::MAX - 4,
        ..unlimited(key.clone(), 3)
    };
    let new = NewRegistration {
        turn: 4,
        places: vec![large],
        ..given::request(who, 3)
    };
    given::registered(&*store, new).await;
    let mut expected = SegmentSums::new();
    for segment in [0, 1].map(Segment::new) {
        let places = store.segment(&key, segment).await.unwrap();
        expected.insert(segment, Some(Sums::of(&places)));
    }
    let portion = store.sums(&key, Segment::FIRST).await.unwrap();
    assert_eq!(portion.segments, expected);
    let first = expected[&Segment::FIRST].unwrap();
    assert_eq!((first.places, first.units), (4, u64::from(u32::MAX) - 1));
    let units = expected.values().flatten().map(|sums| sums.units);
    assert_eq!(portion.units, units.sum::<u64>());
}

/// A request with a place of the day and some units of [`given::reads`].
async fn read_much(store: &dyn Store, n: usize, units: u32) {
    let seat = u32::try_from(n).unwrap();
    let reads = ReservedPlace {
        units,
        ..given::place(given::reads(), seat)
    };
    let new = NewRegistration {
        places: vec![given::place(given::today(), seat), reads],
        ..given::request(given::person(store, n).await, seat)
    };
    given::registered(store, new).await;
}

/// Contract 6.
pub async fn a_total_equals_the_units_of_the_places(store: Subject<dyn Store>) {
    let key = given::reads();
    assert_eq!(store.total(&key).await.unwrap(), 0);
    assert!(!store.correct_total(&key).await.unwrap());
    for (n, units) in [(1, 3200), (2, 1), (3, 500_000)] {
        read_much(&*store, n, units).await;
    }
    assert_eq!(store.total(&key).await.unwrap(), 503_201);
    assert!(!store.correct_total(&key).await.unwrap());
    assert_eq!(store.total(&key).await.unwrap(), 503_201);
    let other = BudgetKey {
        window: given::next_week().window,
        ..key
    };
    assert_eq!(store.total(&other).await.unwrap(), 0);
}

/// Contract 6.
pub async fn corrections_of_a_total_lose_no_request_that_is_stored_meanwhile(
    store: Subject<dyn Store>,
) {
    race(32, |i| {
        let store = store.share();
        async move {
            if i % 2 == 0 {
                read_much(&*store, i + 1, 100).await;
            } else {
                store.correct_total(&given::reads()).await.unwrap();
            }
        }
    })
    .await;
    assert_eq!(store.total(&given::reads()).await.unwrap(), 1600);
    assert!(!store.correct_total(&given::reads()).await.unwrap());
}
