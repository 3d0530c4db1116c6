use std::{collections::BTreeMap, pin::pin, slice, task::Poll};

use chrono::{DateTime, Utc};
use futures::poll;
use lemon_domain::{
    ports::{
        QuotaCounter, QuotaError, RecordedSegment, ReserveOutcome, RestorationId, WindowState,
        WindowSums,
    },
    values::{Budget, Holder, Place, Segment, Sums},
};

use super::{after, at, daily, holder, place, places, reserve, restore, seat, used, wish};
use crate::subject::Subject;

/// A seat of the second segment.
const FAR: u32 = Segment::SEATS + 1;

async fn sums(counter: &dyn QuotaCounter, budget: &Budget) -> WindowSums {
    counter.sums(&budget.key).await.unwrap()
}

async fn begin(counter: &dyn QuotaCounter, budget: &Budget) -> Option<RestorationId> {
    counter.begin_restoration(&budget.key).await.unwrap()
}

fn recorded(
    budget: &Budget,
    segment: u32,
    places: &[Place],
    restoration: Option<RestorationId>,
) -> RecordedSegment {
    RecordedSegment {
        key: budget.key.clone(),
        segment: Segment::new(segment),
        places: places.to_vec(),
        as_of: at(),
        restoration,
    }
}

fn summed(places: &[Place]) -> BTreeMap<Segment, Option<Sums>> {
    let mut segments: BTreeMap<Segment, Option<Sums>> = BTreeMap::new();
    for place in places {
        let sums = segments.entry(Segment::of(place.seat));
        let sums = sums.or_insert_with(|| Some(Sums::default()));
        sums.as_mut().unwrap().add(place);
    }
    segments
}

/// 6, 11: until it is opened, also after its segments are restored.
pub async fn a_window_that_is_being_restored_admits_nobody(counter: Subject<dyn QuotaCounter>) {
    let daily = daily(10);
    let id = begin(&*counter, &daily).await;
    let unknown = ReserveOutcome::Unknown(daily.key.clone());
    assert_eq!(reserve(&*counter, 1, &[&daily]).await, unknown);
    let first = recorded(&daily, 0, &[place(9, 1, 1)], id);
    assert!(counter.restore(&first).await.unwrap());
    assert_eq!(reserve(&*counter, 1, &[&daily]).await, unknown);
    assert_eq!(reserve(&*counter, 9, &[&daily]).await, unknown);
    assert_eq!(used(&*counter, &daily).await, None);
    let state = sums(&*counter, &daily).await.state;
    assert_eq!(state, WindowState::Restoring(id.unwrap()));
    assert!(counter.open(&daily.key, id.unwrap()).await.unwrap());
    assert_eq!(sums(&*counter, &daily).await.state, WindowState::Open);
    assert_eq!(used(&*counter, &daily).await, Some(1));
    assert_eq!(seat(&*counter, 1, &daily).await, 2);
}

/// 11: until the window is opened. Another window has its own restoration.
pub async fn all_callers_that_begin_share_one_restoration(counter: Subject<dyn QuotaCounter>) {
    let (daily, reads) = (daily(10), super::reads(10, 1));
    let state = sums(&*counter, &daily).await.state;
    assert_eq!(state, WindowState::Unknown);
    let id = begin(&*counter, &daily).await;
    assert!(id.is_some());
    assert_eq!(begin(&*counter, &daily).await, id);
    assert_ne!(begin(&*counter, &reads).await, None);
    assert_eq!(begin(&*counter, &daily).await, id);
    assert!(counter.open(&daily.key, id.unwrap()).await.unwrap());
    assert_eq!(begin(&*counter, &daily).await, None);
    assert_eq!(used(&*counter, &daily).await, Some(0));
    assert_eq!(used(&*counter, &reads).await, None);
}

/// 11: a later caller sees the segments that are already restored.
pub async fn an_abandoned_restoration_continues_where_it_stopped(
    counter: Subject<dyn QuotaCounter>,
) {
    let daily = daily(10_000);
    let places = [place(1, 1, 1), place(2, FAR, 1)];
    let id = begin(&*counter, &daily).await;
    let first = recorded(&daily, 0, &places[..1], id);
    assert!(counter.restore(&first).await.unwrap());

    let joined = begin(&*counter, &daily).await;
    let found = sums(&*counter, &daily).await;
    assert_eq!(found.state, WindowState::Restoring(joined.unwrap()));
    assert_eq!(found.segments, summed(&places[..1]));
    let second = recorded(&daily, 1, &places[1..], joined);
    assert!(counter.restore(&second).await.unwrap());
    assert!(counter.open(&daily.key, joined.unwrap()).await.unwrap());
    assert_eq!(used(&*counter, &daily).await, Some(2));
}

/// 12: in an unknown window, during another restoration, and in an open window.
pub async fn a_step_that_does_not_name_the_windows_restoration_changes_nothing(
    counter: Subject<dyn QuotaCounter>,
) {
    let daily = daily(10);
    let stray = RestorationId(7);
    let mut segment = recorded(&daily, 0, &[place(9, 1, 1)], None);
    for restoration in [None, Some(stray)] {
        segment.restoration = restoration;
        assert!(!counter.restore(&segment).await.unwrap());
    }
    assert!(!counter.open(&daily.key, stray).await.unwrap());
    assert_eq!(sums(&*counter, &daily).await.state, WindowState::Unknown);

    let id = begin(&*counter, &daily).await.unwrap();
    let other = RestorationId(id.0 + 1);
    for restoration in [None, Some(other)] {
        segment.restoration = restoration;
        assert!(!counter.restore(&segment).await.unwrap());
    }
    assert!(!counter.open(&daily.key, other).await.unwrap());
    assert_eq!(sums(&*counter, &daily).await.segments, summed(&[]));

    assert!(counter.open(&daily.key, id).await.unwrap());
    segment.restoration = Some(id);
    assert!(!counter.restore(&segment).await.unwrap());
    assert_eq!(used(&*counter, &daily).await, Some(0));
}

/// 7: places of other segments stay, including old ones.
pub async fn each_segment_is_restored_by_itself(counter: Subject<dyn QuotaCounter>) {
    let daily = daily(10_000);
    let far = [place(3, FAR, 1), place(4, FAR + 1, 1)];
    restore(&*counter, &daily, &[&[place(1, 1, 1)], &far[..]].concat()).await;
    let mut first = recorded(&daily, 0, &[place(2, 2, 5)], None);
    first.as_of = after(100);
    assert!(counter.restore(&first).await.unwrap());
    let segments = summed(&[&[place(2, 2, 5)], &far[..]].concat());
    assert_eq!(sums(&*counter, &daily).await.segments, segments);
    assert_eq!(used(&*counter, &daily).await, Some(7));
    let mut second = recorded(&daily, 1, &[], None);
    second.as_of = after(100);
    assert!(counter.restore(&second).await.unwrap());
    assert_eq!(used(&*counter, &daily).await, Some(5));
    let segments = summed(&[place(2, 2, 5)]);
    assert_eq!(sums(&*counter, &daily).await.segments, segments);
}

/// 7: one holder, one place; in both directions.
pub async fn a_holder_is_moved_from_another_segment(counter: Subject<dyn QuotaCounter>) {
    let daily = daily(10_000);
    restore(&*counter, &daily, &[place(1, 1, 1), place(2, 2, 1)]).await;
    for (segment, seat) in [(1, FAR), (0, 5)] {
        let moved = place(1, seat, 3);
        let record = [moved.clone(), place(3, seat + 1, 1)];
        let mut record = recorded(&daily, segment, &record, None);
        record.as_of = after(100);
        assert!(counter.restore(&record).await.unwrap());
        let taken = places(reserve(&*counter, 1, &[&daily]).await);
        assert_eq!((taken[0].seat, taken[0].units), (seat, 3));
    }
    let segments = summed(&[place(1, 5, 3), place(3, 6, 1)]);
    assert_eq!(sums(&*counter, &daily).await.segments, segments);
    assert_eq!(used(&*counter, &daily).await, Some(4));
}

/// 13: also after reservations and releases.
pub async fn sums_are_those_of_the_places_that_are_held(counter: Subject<dyn QuotaCounter>) {
    let budget = Budget {
        units: 3,
        ..daily(1_000_000)
    };
    let mut held: Vec<Place> = (2..Segment::SEATS)
        .map(|seat| place(i64::from(seat), seat, seat))
        .collect();
    restore(&*counter, &budget, &held).await;
    assert_eq!(sums(&*counter, &budget).await.segments, summed(&held));
    for (user, seat) in [(-1, 1), (-2, Segment::SEATS), (-3, FAR), (-4, FAR + 1)] {
        assert_eq!(super::seat(&*counter, user, &budget).await, seat);
        held.push(place(user, seat, 3));
        assert_eq!(sums(&*counter, &budget).await.segments, summed(&held));
    }
    for user in [-3, -4, 7] {
        let key = slice::from_ref(&budget.key);
        counter
            .release(&holder(user), key, DateTime::<Utc>::MAX_UTC)
            .await
            .unwrap();
        held.retain(|place| place.holder != holder(user));
        assert_eq!(sums(&*counter, &budget).await.segments, summed(&held));
    }
}

/// 13: only data that a restoration writes changes the sums.
pub async fn sums_differ_by_holder_seat_and_units_and_not_by_time(
    counter: Subject<dyn QuotaCounter>,
) {
    let daily = daily(10_000);
    let swapped = [place(1, 2, 1), place(2, 1, 1)];
    let other_units = [place(1, 1, 2), place(2, 2, 0)];
    let others = [place(1, 1, 1), place(3, 2, 1)];
    let record = [place(1, 1, 1), place(2, 2, 1)];
    restore(&*counter, &daily, &record).await;
    let before = sums(&*counter, &daily).await;
    for different in [swapped, other_units, others] {
        restore(&*counter, &daily, &different).await;
        assert_ne!(sums(&*counter, &daily).await, before);
    }
    let later = record.map(|place| Place {
        at: after(50),
        ..place
    });
    restore(&*counter, &daily, &later).await;
    assert_eq!(sums(&*counter, &daily).await, before);
    let again = wish(holder(1), &[&daily], after(100));
    counter.reserve(&again).await.unwrap();
    assert_eq!(sums(&*counter, &daily).await, before);
}

/// 7, 13: also if some young places stay in the segment.
pub async fn a_restored_segment_has_the_sums_of_the_record(counter: Subject<dyn QuotaCounter>) {
    let daily = daily(10);
    restore(&*counter, &daily, &[]).await;
    for user in 1..=4 {
        seat(&*counter, user, &daily).await;
    }
    let young = wish(holder(5), &[&daily], after(200));
    counter.reserve(&young).await.unwrap();
    let record = [place(9, 1, 7), place(2, 2, 1)];
    let mut segment = recorded(&daily, 0, &record, None);
    segment.as_of = after(100);
    assert!(counter.restore(&segment).await.unwrap());
    let held = [&record[..], &[place(5, 5, 1)]].concat();
    assert_eq!(sums(&*counter, &daily).await.segments, summed(&held));
    assert_eq!(used(&*counter, &daily).await, Some(9));
}

/// 3, 4, 7, 13: such as the ids of a tenant's objects, and words that a counter may use internally.
pub async fn any_text_can_be_a_holder(counter: Subject<dyn QuotaCounter>) {
    let budget = Budget {
        key: super::key(
            "0197c6a0-7c1e-7cc3-98c4-dc0c0c07398f",
            "exports",
            "2026-11-22T21:00:00Z",
        ),
        ..daily(100)
    };
    let longest = "x".repeat(128);
    let texts = [
        "5f1c2e0a-93f2-4a8e-b1f6-0a5d8d1f7c11",
        "used",
        "restoring",
        "counted",
        "0",
        "A.b:c_d-E",
        &longest,
    ];
    let holders = texts.map(|text| Holder::parse(text).unwrap());
    let held: Vec<Place> = (1..)
        .zip(&holders)
        .map(|(seat, holder)| Place {
            holder: holder.clone(),
            ..place(1, seat, 1)
        })
        .collect();
    restore(&*counter, &budget, &[]).await;
    for _ in 0..2 {
        for place in &held {
            let wish = wish(place.holder.clone(), &[&budget], at());
            let taken = places(counter.reserve(&wish).await.unwrap());
            assert_eq!(taken[0].seat, place.seat, "{}", place.holder);
        }
        assert_eq!(sums(&*counter, &budget).await.segments, summed(&held));
    }
    let key = slice::from_ref(&budget.key);
    let mut left = held.clone();
    while let Some(gone) = left.pop() {
        let released = counter.release(&gone.holder, key, at());
        released.await.unwrap();
        assert_eq!(sums(&*counter, &budget).await.segments, summed(&left));
    }
    for record in [&held[..], &held[..2], &[]] {
        let mut segment = recorded(&budget, 0, record, None);
        segment.as_of = after(100);
        assert!(counter.restore(&segment).await.unwrap());
        assert_eq!(sums(&*counter, &budget).await.segments, summed(record));
        let used = used(&*counter, &budget).await;
        assert_eq!(used, u32::try_from(record.len()).ok());
    }
}

/// 14.
pub async fn every_call_may_be_repeated(counter: Subject<dyn QuotaCounter>) {
    let daily = daily(10);
    let id = begin(&*counter, &daily).await;
    let segment = recorded(&daily, 0, &[place(9, 2, 1)], id);
    for _ in 0..2 {
        assert!(counter.restore(&segment).await.unwrap());
        assert_eq!(begin(&*counter, &daily).await, id);
    }
    counter.open(&daily.key, id.unwrap()).await.unwrap();
    counter.open(&daily.key, id.unwrap()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(seat(&*counter, 1, &daily).await, 1);
        assert_eq!(used(&*counter, &daily).await, Some(2));
    }
    for _ in 0..2 {
        let key = slice::from_ref(&daily.key);
        counter
            .release(&holder(1), key, DateTime::<Utc>::MAX_UTC)
            .await
            .unwrap();
        assert_eq!(used(&*counter, &daily).await, Some(1));
    }
    let found = sums(&*counter, &daily).await;
    assert_eq!(found.segments, summed(&[place(9, 2, 1)]));
    assert_eq!(found, sums(&*counter, &daily).await);
}

/// 15: calls are dropped after their first step. Each call takes effect, perhaps later, or not at all; no place is lost.
pub async fn a_dropped_call_leaves_nothing_half_done(counter: Subject<dyn QuotaCounter>) {
    let daily = daily(10_000);
    restore(&*counter, &daily, &[]).await;
    let segment = recorded(&daily, 0, &[], None);
    for user in 1..=40 {
        let wish = wish(holder(user), &[&daily], at());
        give_up(counter.reserve(&wish)).await;
        give_up(counter.restore(&segment)).await;
        give_up(counter.usage(slice::from_ref(&daily.key))).await;
        give_up(counter.sums(&daily.key)).await;
        give_up(counter.begin_restoration(&daily.key)).await;
    }
    let mut held = Vec::new();
    for user in 1..=40 {
        held.push(place(user, seat(&*counter, user, &daily).await, 1));
    }
    assert_eq!(used(&*counter, &daily).await, Some(40));
    assert_eq!(sums(&*counter, &daily).await.segments, summed(&held));
}

async fn give_up<T>(call: impl Future<Output = Result<T, QuotaError>>) {
    let call = pin!(call);
    if let Poll::Ready(outcome) = poll!(call) {
        assert!(outcome.is_ok(), "{:?}", outcome.err());
    }
}

/// 4, 7, 13.
pub async fn a_window_of_a_hundred_thousand_places_is_restored(counter: Subject<dyn QuotaCounter>) {
    let daily = daily(100_000);
    let record: Vec<Place> = (1..=100_000)
        .filter(|seat| ![2, 9_999, 65_000].contains(seat))
        .map(|seat| place(seat.into(), seat, 1))
        .collect();
    restore(&*counter, &daily, &record).await;
    assert_eq!(used(&*counter, &daily).await, Some(99_997));
    assert_eq!(sums(&*counter, &daily).await.segments, summed(&record));
    for (user, expected) in [(-1, 2), (-2, 9_999), (100_000, 100_000), (-3, 65_000)] {
        assert_eq!(seat(&*counter, user, &daily).await, expected);
    }
    let outcome = reserve(&*counter, -4, &[&daily]).await;
    assert_eq!(outcome, super::refused(&daily, 100_000, &[]));
}
