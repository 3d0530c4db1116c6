use chrono::{DateTime, Utc};
use lemon_domain::{ports::QuotaCounter, values::Place};

use super::{
    after, crowd, daily, distinct_seats, holder, place, places, reads, reserve, restore,
    restore_as_of, seat, used, wish,
};
use crate::{race::race, subject::Subject};

/// 7: the holders in the record find their places.
pub async fn a_restored_place_is_held_with_its_seat_and_units(counter: Subject<dyn QuotaCounter>) {
    let reads = reads(30, 3);
    restore(&*counter, &reads, &[place(1, 5, 4), place(2, 1, 2)]).await;
    assert_eq!(used(&*counter, &reads).await, Some(6));
    let taken = places(reserve(&*counter, 1, &[&reads]).await);
    assert_eq!(
        (taken[0].seat, taken[0].units, taken[0].state.used),
        (5, 4, 6)
    );
    let taken = places(reserve(&*counter, 3, &[&reads]).await);
    assert_eq!(
        (taken[0].seat, taken[0].units, taken[0].state.used),
        (2, 3, 9)
    );
    let keys = std::slice::from_ref(&reads.key);
    counter
        .release(&holder(1), keys, DateTime::<Utc>::MAX_UTC)
        .await
        .unwrap();
    assert_eq!(used(&*counter, &reads).await, Some(5));
}

/// 7: a place that was reserved exactly at `as_of` counts as young.
pub async fn a_restore_keeps_young_reservations_and_drops_old_ones(
    counter: Subject<dyn QuotaCounter>,
) {
    let daily = daily(10);
    restore(&*counter, &daily, &[]).await;
    for (user, time) in [(1, 99), (2, 100), (3, 101)] {
        let wish = wish(holder(user), &[&daily], after(time));
        places(counter.reserve(&wish).await.unwrap());
    }
    let record = [place(9, 7, 1)];
    restore_as_of(&*counter, &daily, &record, after(100)).await;
    assert_eq!(used(&*counter, &daily).await, Some(3));
    for (user, expected) in [(9, 7), (2, 2), (3, 3), (1, 1)] {
        assert_eq!(seat(&*counter, user, &daily).await, expected);
    }
    assert_eq!(used(&*counter, &daily).await, Some(4));
}

/// 7: the latest time counts, whatever the order of the calls.
pub async fn a_place_asked_for_again_counts_as_young(counter: Subject<dyn QuotaCounter>) {
    let daily = daily(10);
    restore(&*counter, &daily, &[]).await;
    for (user, time) in [(1, 0), (2, 0), (3, 0), (2, 200), (3, 200), (3, 0)] {
        let wish = wish(holder(user), &[&daily], after(time));
        places(counter.reserve(&wish).await.unwrap());
    }
    restore_as_of(&*counter, &daily, &[], after(100)).await;
    assert_eq!(used(&*counter, &daily).await, Some(2));
    assert_eq!(seat(&*counter, 2, &daily).await, 2);
    assert_eq!(seat(&*counter, 3, &daily).await, 3);
}

/// 7: the holder that had this seat before gets another one.
pub async fn a_restore_gives_a_seat_to_its_holder_in_the_record(
    counter: Subject<dyn QuotaCounter>,
) {
    let daily = daily(10);
    restore(&*counter, &daily, &[]).await;
    assert_eq!(seat(&*counter, 1, &daily).await, 1);
    restore(&*counter, &daily, &[place(9, 1, 1)]).await;
    assert_eq!(used(&*counter, &daily).await, Some(1));
    assert_eq!(seat(&*counter, 1, &daily).await, 2);
    assert_eq!(seat(&*counter, 9, &daily).await, 1);
}

/// 7: one holder, one place.
pub async fn a_restore_moves_a_holder_to_the_seat_of_the_record(
    counter: Subject<dyn QuotaCounter>,
) {
    let daily = daily(10);
    restore(&*counter, &daily, &[]).await;
    assert_eq!(seat(&*counter, 1, &daily).await, 1);
    restore(&*counter, &daily, &[place(1, 6, 1)]).await;
    assert_eq!(used(&*counter, &daily).await, Some(1));
    assert_eq!(seat(&*counter, 1, &daily).await, 6);
    assert_eq!(seat(&*counter, 2, &daily).await, 1);
}

/// 7, 8: it corrects the window of one budget only.
pub async fn a_restore_changes_no_other_budget(counter: Subject<dyn QuotaCounter>) {
    let (daily, reads) = (daily(10), reads(30, 3));
    restore(&*counter, &daily, &[]).await;
    restore(&*counter, &reads, &[]).await;
    places(reserve(&*counter, 1, &[&daily, &reads]).await);
    restore_as_of(&*counter, &reads, &[], after(100)).await;
    assert_eq!(used(&*counter, &daily).await, Some(1));
    assert_eq!(used(&*counter, &reads).await, Some(0));
}

/// 1, 4, 7: no reservation and no recorded place is lost.
pub async fn a_restore_while_a_crowd_reserves_keeps_the_count_exact(
    counter: Subject<dyn QuotaCounter>,
) {
    let daily = daily(400);
    let record: Vec<Place> = (1..=10)
        .map(|seat| place(1000 + i64::from(seat), seat, 1))
        .collect();
    restore(&*counter, &daily, &record).await;
    let restores = race(20, |_| {
        let (counter, daily, record) = (counter.share(), daily.clone(), record.clone());
        async move { restore(&*counter, &daily, &record).await }
    });
    let budgets = [&daily];
    let (outcomes, _) = tokio::join!(crowd(&counter, 500, &budgets), restores);
    assert_eq!(distinct_seats(&outcomes, 0), (11..=400).collect());
    assert_eq!(used(&*counter, &daily).await, Some(400));
}
