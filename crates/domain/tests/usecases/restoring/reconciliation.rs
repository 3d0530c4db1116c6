//! Where counter and record differ, and there only, the counter is set right.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use chrono::{DateTime, Utc};
use lemon_domain::{usecases::Registering, values::Segment};
use lemon_fakes::FakeClock;

use super::{Bench, Record, holder, ten_segments};
use crate::world::SECOND;

#[tokio::test]
async fn a_reconciliation_writes_only_what_differs() {
    let bench = Bench::new(|clock| Record::of(ten_segments(), clock));
    let quotas = bench.quotas();
    quotas.usage(&bench.budgets).await.unwrap();
    bench.record.read();
    bench.counter.restored.store(0, SeqCst);
    let keys = std::slice::from_ref(bench.key());
    quotas.restore(keys).await.unwrap();
    assert_eq!(bench.record.read(), [0; 0]);
    let lost = [Segment::SEATS + 1, 7 * Segment::SEATS + 1].map(|n| holder(n.into()));
    for holder in lost {
        quotas
            .release(&holder, keys, DateTime::<Utc>::MAX_UTC)
            .await
            .unwrap();
    }
    quotas
        .reserve(&holder(-1), &bench.budgets)
        .await
        .unwrap()
        .unwrap();
    bench.clock.advance(Registering::GRACE + SECOND);
    quotas.restore(keys).await.unwrap();
    assert_eq!(bench.record.read(), [0, 1, 7]);
    assert_eq!(bench.counter.restored.load(SeqCst), 3);
    assert_eq!(bench.used().await, Some(10));
}

#[tokio::test]
async fn an_orphan_beyond_the_last_recorded_seat_is_given_back() {
    let bench = Bench::new(|clock| Record::of(1..=Segment::SEATS, clock));
    let quotas = bench.quotas();
    quotas
        .reserve(&holder(-1), &bench.budgets)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(bench.used().await, Some(Segment::SEATS + 1));
    bench.clock.advance(Registering::GRACE + SECOND);
    quotas
        .restore(std::slice::from_ref(bench.key()))
        .await
        .unwrap();
    assert_eq!(bench.used().await, Some(Segment::SEATS));
}

#[tokio::test]
async fn places_recorded_by_an_older_version_are_read_and_not_written_again() {
    let bench = Bench::new(|clock| Record {
        without_sums: true,
        ..Record::of(ten_segments(), clock)
    });
    let quotas = bench.quotas();
    assert_eq!(quotas.usage(&bench.budgets).await.unwrap(), [10]);
    bench.counter.restored.store(0, SeqCst);
    quotas
        .restore(std::slice::from_ref(bench.key()))
        .await
        .unwrap();
    assert_eq!(bench.counter.restored.load(SeqCst), 0);
}

#[tokio::test]
async fn a_taken_seat_costs_the_record_only_its_segment() {
    let bench = Bench::new(|clock| Record::of(ten_segments(), clock));
    let quotas = bench.quotas();
    quotas.usage(&bench.budgets).await.unwrap();
    bench.record.read();
    bench.record.sums.store(0, SeqCst);
    let seat = 3 * Segment::SEATS + 1;
    quotas
        .release(
            &holder(seat.into()),
            &[bench.key().clone()],
            DateTime::<Utc>::MAX_UTC,
        )
        .await
        .unwrap();
    quotas.restore_seat(bench.key(), seat).await.unwrap();
    assert_eq!(bench.used().await, Some(10));
    assert_eq!(bench.record.read(), [3]);
    assert_eq!(bench.record.sums.load(SeqCst), 0);
}

#[tokio::test]
async fn a_reservation_outlives_the_reconciliation_of_a_replica_whose_clock_is_ahead() {
    let bench = Bench::new(|clock| Record::of([], clock));
    let ahead = Arc::<FakeClock>::default();
    ahead.advance(Duration::from_secs(20));
    let (here, there) = (bench.quotas(), bench.quotas_by(ahead.clone()));
    here.reserve(&holder(1), &bench.budgets)
        .await
        .unwrap()
        .unwrap();
    let keys = std::slice::from_ref(bench.key());
    ahead.advance(Duration::from_secs(40));
    there.restore(keys).await.unwrap();
    assert_eq!(bench.used().await, Some(1));
    ahead.advance(SECOND);
    there.restore(keys).await.unwrap();
    assert_eq!(bench.used().await, Some(0));
}
