use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{QuotaCounter, ReserveOutcome},
    values::{Budget, Holder},
};

use super::{
    after, ask_at_once, at, crowd, daily, distinct_seats, holder, key, place, places, reads,
    refused, reserve, restore, seat, used, wish,
};
use crate::{race::race, subject::Subject};

/// 1, 4: 500 people for 400 places.
pub async fn a_crowd_gets_exactly_the_places_there_are(counter: Subject<dyn QuotaCounter>) {
    let daily = daily(400);
    restore(&*counter, &daily, &[]).await;
    let outcomes = crowd(&counter, 500, &[&daily]).await;
    assert_eq!(distinct_seats(&outcomes, 0), (1..=400).collect());
    let expected = refused(&daily, 400, &[]);
    assert_eq!(outcomes.iter().filter(|o| **o == expected).count(), 100);
    assert_eq!(used(&*counter, &daily).await, Some(400));
}

/// 1: three uses of 3 units fit in 10 units; one unit is left, and a use of one unit still fits.
pub async fn units_are_counted_and_never_exceeded(counter: Subject<dyn QuotaCounter>) {
    let reads = reads(10, 3);
    restore(&*counter, &reads, &[]).await;
    for (user, total) in [(1, 3), (2, 6), (3, 9)] {
        let taken = places(reserve(&*counter, user, &[&reads]).await);
        assert_eq!((taken[0].units, taken[0].state.used), (3, total));
        assert_eq!(taken[0].state.key, reads.key);
    }
    let outcome = reserve(&*counter, 4, &[&reads]).await;
    assert_eq!(outcome, refused(&reads, 9, &[]));
    let small = Budget {
        units: 1,
        ..reads.clone()
    };
    assert_eq!(seat(&*counter, 4, &small).await, 4);
    assert_eq!(used(&*counter, &reads).await, Some(10));
}

/// 2: all or none.
pub async fn an_exhausted_budget_takes_nothing_from_the_others(counter: Subject<dyn QuotaCounter>) {
    let (daily, reads) = (daily(10), reads(5, 3));
    restore(&*counter, &daily, &[]).await;
    restore(&*counter, &reads, &[]).await;
    places(reserve(&*counter, 1, &[&daily, &reads]).await);
    let outcome = reserve(&*counter, 2, &[&daily, &reads]).await;
    assert_eq!(outcome, refused(&reads, 3, &[]));
    assert_eq!(used(&*counter, &daily).await, Some(1));
    assert_eq!(used(&*counter, &reads).await, Some(3));
}

/// 1, 2, 4: the second budget is exhausted first; the refused requests take no seat of the first budget.
pub async fn a_crowd_on_two_budgets_is_limited_by_the_one_that_is_exhausted_first(
    counter: Subject<dyn QuotaCounter>,
) {
    let (daily, reads) = (daily(400), reads(301, 3));
    restore(&*counter, &daily, &[]).await;
    restore(&*counter, &reads, &[]).await;
    let outcomes = crowd(&counter, 300, &[&daily, &reads]).await;
    for budget in 0..=1 {
        assert_eq!(distinct_seats(&outcomes, budget), (1..=100).collect());
    }
    let expected = refused(&reads, 300, &[]);
    assert_eq!(outcomes.iter().filter(|o| **o == expected).count(), 200);
    assert_eq!(used(&*counter, &daily).await, Some(100));
    assert_eq!(used(&*counter, &reads).await, Some(300));
}

/// 3: the same place, and nothing is counted twice.
pub async fn a_repeated_reservation_finds_its_own_place(counter: Subject<dyn QuotaCounter>) {
    let (daily, reads) = (daily(10), reads(30, 3));
    restore(&*counter, &daily, &[]).await;
    restore(&*counter, &reads, &[]).await;
    seat(&*counter, 7, &daily).await;
    let first = places(reserve(&*counter, 1, &[&daily, &reads]).await);
    let again = places(reserve(&*counter, 1, &[&daily, &reads]).await);
    assert_eq!(first, again);
    assert_eq!((first[0].seat, first[0].state.used), (2, 2));
    assert_eq!((first[1].seat, first[1].state.used), (1, 3));
    assert_eq!(used(&*counter, &daily).await, Some(2));
    assert_eq!(used(&*counter, &reads).await, Some(3));
}

/// 3: also when the calls race.
pub async fn a_crowd_of_one_holder_takes_one_place(counter: Subject<dyn QuotaCounter>) {
    let daily = daily(10);
    restore(&*counter, &daily, &[]).await;
    let wishes = vec![wish(holder(1), &[&daily], at()); 50];
    for outcome in ask_at_once(&counter, wishes).await {
        let taken = places(outcome);
        assert_eq!((taken[0].seat, taken[0].state.used), (1, 1));
    }
    assert_eq!(used(&*counter, &daily).await, Some(1));
}

/// 3: a holder that asks again is not refused.
pub async fn a_holder_keeps_their_place_in_an_exhausted_budget(counter: Subject<dyn QuotaCounter>) {
    let daily = daily(2);
    restore(&*counter, &daily, &[]).await;
    seat(&*counter, 1, &daily).await;
    seat(&*counter, 2, &daily).await;
    let outcome = reserve(&*counter, 3, &[&daily]).await;
    assert_eq!(outcome, refused(&daily, 2, &[]));
    assert_eq!(seat(&*counter, 1, &daily).await, 1);
    assert_eq!(seat(&*counter, 2, &daily).await, 2);
    assert_eq!(used(&*counter, &daily).await, Some(2));
}

/// 2, 3: each budget is decided separately; a refusal does not remove the place that was held before.
pub async fn a_held_place_and_a_new_one_are_answered_together(counter: Subject<dyn QuotaCounter>) {
    let (daily, reads) = (daily(2), reads(3, 3));
    restore(&*counter, &daily, &[]).await;
    restore(&*counter, &reads, &[]).await;
    seat(&*counter, 1, &daily).await;
    seat(&*counter, 2, &daily).await;
    let both = places(reserve(&*counter, 2, &[&daily, &reads]).await);
    assert_eq!((both[0].seat, both[1].seat), (2, 1));
    let outcome = reserve(&*counter, 1, &[&daily, &reads]).await;
    assert_eq!(outcome, refused(&reads, 3, &[&daily]));
    assert_eq!(seat(&*counter, 1, &daily).await, 1);
    assert_eq!(used(&*counter, &daily).await, Some(2));
    assert_eq!(used(&*counter, &reads).await, Some(3));
}

/// 3: so the caller knows which places it can give back.
pub async fn a_refusal_names_the_budgets_in_which_the_holder_has_a_place(
    counter: Subject<dyn QuotaCounter>,
) {
    let (daily, reads, third) = (daily(10), reads(9, 3), third(1));
    for budget in [&daily, &reads, &third] {
        restore(&*counter, budget, &[]).await;
    }
    seat(&*counter, 2, &third).await;
    let budgets = [&daily, &reads, &third];
    let outcome = reserve(&*counter, 1, &budgets).await;
    assert_eq!(outcome, refused(&third, 1, &[]));
    seat(&*counter, 1, &reads).await;
    let outcome = reserve(&*counter, 1, &budgets).await;
    assert_eq!(outcome, refused(&third, 1, &[&reads]));
    seat(&*counter, 1, &daily).await;
    let outcome = reserve(&*counter, 1, &budgets).await;
    assert_eq!(outcome, refused(&third, 1, &[&daily, &reads]));
}

fn third(limit: u32) -> Budget {
    Budget {
        key: key("LEARNME", "third", "2026-11-22T21:00:00Z"),
        limit,
        units: 1,
    }
}

/// 3, 4: the next use of the same person is not a repetition of the last one.
pub async fn holders_whose_texts_begin_alike_are_different(counter: Subject<dyn QuotaCounter>) {
    let daily = daily(10);
    restore(&*counter, &daily, &[]).await;
    assert_eq!(seat(&*counter, 1, &daily).await, 1);
    let second = Holder::parse("1:2").unwrap();
    let outcome = counter.reserve(&wish(second, &[&daily], at())).await;
    assert_eq!(places(outcome.unwrap())[0].seat, 2);
}

/// 4: gaps are filled from the lowest.
pub async fn a_seat_is_the_lowest_that_is_free(counter: Subject<dyn QuotaCounter>) {
    let daily = daily(10);
    restore(&*counter, &daily, &[place(102, 2, 1), place(104, 4, 1)]).await;
    for (user, expected) in [(1, 1), (2, 3), (3, 5)] {
        assert_eq!(seat(&*counter, user, &daily).await, expected);
    }
    let key = std::slice::from_ref(&daily.key);
    counter
        .release(&holder(104), key, DateTime::<Utc>::MAX_UTC)
        .await
        .unwrap();
    counter
        .release(&holder(1), key, DateTime::<Utc>::MAX_UTC)
        .await
        .unwrap();
    for (user, expected) in [(11, 1), (12, 4), (13, 6)] {
        assert_eq!(seat(&*counter, user, &daily).await, expected);
    }
}

/// 1, 4, 5: there are never more holders than places, and no two holders of one place.
pub async fn a_storm_of_reservations_and_releases_never_shares_a_seat(
    counter: Subject<dyn QuotaCounter>,
) {
    let daily = daily(20);
    restore(&*counter, &daily, &[]).await;
    let held = Arc::new(Mutex::new(BTreeSet::new()));
    race(60, |index| {
        let (counter, daily, held) = (counter.share(), daily.clone(), Arc::clone(&held));
        let user = i64::try_from(index).unwrap();
        async move {
            for _ in 0..15 {
                let outcome = reserve(&*counter, user, &[&daily]).await;
                if let ReserveOutcome::Reserved(places) = outcome {
                    let seat = places[0].seat;
                    assert!((1..=20).contains(&seat), "there is no seat {seat}");
                    assert!(held.lock().unwrap().insert(seat), "seat {seat} is shared");
                    tokio::task::yield_now().await;
                    held.lock().unwrap().remove(&seat);
                    let keys = std::slice::from_ref(&daily.key);
                    counter
                        .release(&holder(user), keys, DateTime::<Utc>::MAX_UTC)
                        .await
                        .unwrap();
                }
            }
        }
    })
    .await;
    assert_eq!(used(&*counter, &daily).await, Some(0));
    assert_eq!(seat(&*counter, 1, &daily).await, 1);
}

/// 5: in each budget that the release names.
pub async fn a_released_place_can_be_taken_again(counter: Subject<dyn QuotaCounter>) {
    let (daily, reads) = (daily(1), reads(3, 3));
    restore(&*counter, &daily, &[]).await;
    restore(&*counter, &reads, &[]).await;
    places(reserve(&*counter, 1, &[&daily, &reads]).await);
    let keys = [daily.key.clone(), reads.key.clone()];
    counter
        .release(&holder(1), &keys, DateTime::<Utc>::MAX_UTC)
        .await
        .unwrap();
    let usage = counter.usage(&keys).await.unwrap();
    assert_eq!(usage, [Some(0), Some(0)]);
    let taken = places(reserve(&*counter, 2, &[&daily, &reads]).await);
    assert_eq!((taken[0].seat, taken[1].seat), (1, 1));
}

/// 5: it does not change another holder's place, or an unknown window.
pub async fn a_release_of_a_place_that_is_not_held_changes_nothing(
    counter: Subject<dyn QuotaCounter>,
) {
    let (daily, reads) = (daily(2), reads(9, 3));
    restore(&*counter, &daily, &[]).await;
    seat(&*counter, 1, &daily).await;
    let keys = [daily.key.clone(), reads.key.clone()];
    counter
        .release(&holder(2), &keys, DateTime::<Utc>::MAX_UTC)
        .await
        .unwrap();
    counter
        .release(&holder(2), &keys, DateTime::<Utc>::MAX_UTC)
        .await
        .unwrap();
    let usage = counter.usage(&keys).await.unwrap();
    assert_eq!(usage, [Some(1), None]);
    assert_eq!(seat(&*counter, 1, &daily).await, 1);
}

/// 5: an abandoned call releases its place after a later call has asked for the same place.
pub async fn a_late_release_takes_nothing_from_a_later_call(counter: Subject<dyn QuotaCounter>) {
    let daily = daily(2);
    restore(&*counter, &daily, &[]).await;
    let key = std::slice::from_ref(&daily.key);
    for asked_at in [at(), after(1)] {
        let wish = wish(holder(1), &[&daily], asked_at);
        counter.reserve(&wish).await.unwrap();
    }
    counter.release(&holder(1), key, at()).await.unwrap();
    assert_eq!(used(&*counter, &daily).await, Some(1));
    counter.release(&holder(1), key, after(1)).await.unwrap();
    assert_eq!(used(&*counter, &daily).await, Some(0));
}

/// 6: the window is unknown until it is restored, also if the record is empty.
pub async fn a_window_that_was_never_restored_admits_nobody(counter: Subject<dyn QuotaCounter>) {
    let daily = daily(10);
    assert_eq!(used(&*counter, &daily).await, None);
    let outcome = reserve(&*counter, 1, &[&daily]).await;
    assert_eq!(outcome, ReserveOutcome::Unknown(daily.key.clone()));
    assert_eq!(used(&*counter, &daily).await, None);
    restore(&*counter, &daily, &[]).await;
    assert_eq!(used(&*counter, &daily).await, Some(0));
    assert_eq!(seat(&*counter, 1, &daily).await, 1);
}

/// 2, 6: no budget loses a place.
pub async fn an_unknown_budget_takes_nothing_from_the_known_ones(
    counter: Subject<dyn QuotaCounter>,
) {
    let (daily, reads) = (daily(10), reads(9, 3));
    restore(&*counter, &daily, &[]).await;
    let outcome = reserve(&*counter, 1, &[&daily, &reads]).await;
    assert_eq!(outcome, ReserveOutcome::Unknown(reads.key.clone()));
    assert_eq!(used(&*counter, &daily).await, Some(0));
}

/// 8: keys that differ only in the window, the scope or the budget.
pub async fn windows_scopes_and_budgets_are_independent(counter: Subject<dyn QuotaCounter>) {
    let daily = daily(1);
    let others = [
        key("LEARNME", "daily", "2026-11-23T21:00:00Z"),
        key("LEARNME", "daily_b", "2026-11-22T21:00:00Z"),
        key("LEARNME_B", "daily", "2026-11-22T21:00:00Z"),
        key("learnme", "daily", "2026-11-22T21:00:00Z"),
        key(
            "0197c6a0-7c1e-7cc3-98c4-dc0c0c07398f",
            "daily",
            "2026-11-22T21:00:00Z",
        ),
    ];
    restore(&*counter, &daily, &[]).await;
    seat(&*counter, 1, &daily).await;
    assert_eq!(counter.usage(&others).await.unwrap(), [None; 5]);
    for key in others {
        let other = Budget {
            key,
            ..daily.clone()
        };
        restore(&*counter, &other, &[]).await;
        assert_eq!(used(&*counter, &other).await, Some(0));
        assert_eq!(seat(&*counter, 2, &other).await, 1);
        assert_eq!(used(&*counter, &daily).await, Some(1));
        let key = std::slice::from_ref(&other.key);
        counter
            .release(&holder(1), key, DateTime::<Utc>::MAX_UTC)
            .await
            .unwrap();
        assert_eq!(used(&*counter, &other).await, Some(1));
    }
    assert_eq!(used(&*counter, &daily).await, Some(1));
}

/// 8: all or none, whichever budget is exhausted first.
pub async fn budgets_of_several_scopes_are_taken_in_one_step(counter: Subject<dyn QuotaCounter>) {
    let window = "2026-11-22T21:00:00Z";
    let shared = Budget {
        key: key("shared", "reads", window),
        limit: 100,
        units: 60,
    };
    let drawing = Budget {
        key: key("DRAWME", "daily", window),
        limit: 10,
        units: 1,
    };
    let learning = daily(1);
    for budget in [&shared, &drawing, &learning] {
        restore(&*counter, budget, &[]).await;
    }
    let taken = places(reserve(&*counter, 1, &[&learning, &shared]).await);
    assert_eq!([taken[0].seat, taken[1].seat], [1, 1]);
    assert_eq!(taken[1].state.used, 60);
    let outcome = reserve(&*counter, 2, &[&drawing, &shared]).await;
    assert_eq!(outcome, refused(&shared, 60, &[]));
    assert_eq!(used(&*counter, &drawing).await, Some(0));
    let small = Budget {
        units: 40,
        ..shared.clone()
    };
    let outcome = reserve(&*counter, 2, &[&learning, &small]).await;
    assert_eq!(outcome, refused(&learning, 1, &[]));
    let taken = places(reserve(&*counter, 2, &[&drawing, &small]).await);
    assert_eq!([taken[0].seat, taken[1].seat], [1, 2]);
    let keys = [learning.key, shared.key].map(|key| key.clone());
    let until = DateTime::<Utc>::MAX_UTC;
    counter.release(&holder(1), &keys, until).await.unwrap();
    assert_eq!(counter.usage(&keys).await.unwrap(), [Some(0), Some(40)]);
}

/// 9: holders keep their places; a new holder gets one after enough places were given back.
pub async fn a_lowered_limit_admits_nobody_and_takes_nothing_away(
    counter: Subject<dyn QuotaCounter>,
) {
    let (before, lowered) = (daily(3), daily(2));
    restore(&*counter, &before, &[]).await;
    for user in 1..=3 {
        seat(&*counter, user, &before).await;
    }
    let outcome = reserve(&*counter, 4, &[&lowered]).await;
    assert_eq!(outcome, refused(&lowered, 3, &[]));
    assert_eq!(seat(&*counter, 3, &lowered).await, 3);
    assert_eq!(used(&*counter, &lowered).await, Some(3));
    let keys = std::slice::from_ref(&lowered.key);
    counter
        .release(&holder(1), keys, DateTime::<Utc>::MAX_UTC)
        .await
        .unwrap();
    let outcome = reserve(&*counter, 4, &[&lowered]).await;
    assert_eq!(outcome, refused(&lowered, 2, &[]));
    counter
        .release(&holder(2), keys, DateTime::<Utc>::MAX_UTC)
        .await
        .unwrap();
    assert_eq!(seat(&*counter, 4, &lowered).await, 1);
}

/// 10: the earlier window has not ended.
pub async fn an_earlier_window_is_remembered_when_the_next_begins(
    counter: Subject<dyn QuotaCounter>,
) {
    let today = daily(10);
    restore(&*counter, &today, &[place(9, 4, 1)]).await;
    seat(&*counter, 1, &today).await;
    for start in ["2026-11-23T21:00:00Z", "2026-11-24T21:00:00Z"] {
        let next = Budget {
            key: key("LEARNME", "daily", start),
            ..today.clone()
        };
        restore(&*counter, &next, &[]).await;
        assert_eq!(seat(&*counter, 1, &next).await, 1);
    }
    assert_eq!(used(&*counter, &today).await, Some(2));
    assert_eq!(seat(&*counter, 9, &today).await, 4);
}
