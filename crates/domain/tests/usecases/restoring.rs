//! How a counter comes to agree with the record: shared, resumed, and only where they differ.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Poll,
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::{future::join_all, poll};
use lemon_domain::{
    ports::{
        Clock, PlaceRecord, QuotaCounter, QuotaError, RecordSums, RecordedSegment, Reservation,
        ReserveOutcome, RestorationId, StoreError, WindowSums,
    },
    usecases::{Quotas, QuotasError, Registering},
    values::{
        Budget, BudgetKey, BudgetName, Catalogue, Holder, Place, QueueName, Segment, ServicePath,
        ServiceType, Sums, Turn, UserId,
    },
};
use lemon_testkit::fakes::{FakeClock, MemoryQuotaCounter};
use tokio::sync::Semaphore;

use crate::{
    mocks::broken_off,
    world::{SECOND, World, learn_me, learn_me_with_reads},
};

/// A record of the test's own, whose segments are read only as often as it permits.
struct Record {
    places: Vec<Place>,
    /// Whether older versions stored them.
    without_sums: bool,
    permits: Semaphore,
    fails: bool,
    sums: AtomicUsize,
    segments: Mutex<Vec<Segment>>,
}

impl Record {
    /// A place on each of these seats.
    fn of(seats: impl IntoIterator<Item = u32>, at: &FakeClock) -> Self {
        let place = |seat: u32| Place {
            holder: holder(seat.into()),
            seat,
            units: 1,
            at: at.now(),
        };
        Self {
            places: seats.into_iter().map(place).collect(),
            without_sums: false,
            permits: Semaphore::new(Semaphore::MAX_PERMITS),
            fails: false,
            sums: AtomicUsize::new(0),
            segments: Mutex::default(),
        }
    }

    /// The segments that were read.
    fn read(&self) -> Vec<u32> {
        let segments = std::mem::take(&mut *self.segments.lock().unwrap());
        segments.iter().map(|segment| segment.index()).collect()
    }
}

#[async_trait]
impl PlaceRecord for Record {
    async fn sums(&self, _: &BudgetKey, from: Segment) -> Result<RecordSums, StoreError> {
        self.sums.fetch_add(1, SeqCst);
        let of = |segment: &Segment| *segment >= from;
        let segments: BTreeSet<Segment> =
            self.places.iter().map(|it| Segment::of(it.seat)).collect();
        let mut segments = segments.into_iter().filter(of);
        let mut portion = RecordSums::default();
        if let Some(segment) = segments.next() {
            let theirs = self
                .places
                .iter()
                .filter(|it| Segment::of(it.seat) == segment);
            portion.units = units(theirs.clone());
            let sums = (!self.without_sums).then(|| Sums::of(theirs));
            portion.segments = BTreeMap::from([(segment, sums)]);
            portion.next = segments.next();
        }
        Ok(portion)
    }

    async fn segment(&self, _: &BudgetKey, segment: Segment) -> Result<Vec<Place>, StoreError> {
        self.permits.acquire().await.unwrap().forget();
        self.segments.lock().unwrap().push(segment);
        if self.fails {
            return Err(broken_off());
        }
        let theirs = self
            .places
            .iter()
            .filter(|it| Segment::of(it.seat) == segment);
        Ok(theirs.cloned().collect())
    }

    async fn total(&self, _: &BudgetKey) -> Result<u64, StoreError> {
        Ok(units(&self.places))
    }

    async fn correct_total(&self, _: &BudgetKey) -> Result<bool, StoreError> {
        unreachable!("it is right")
    }
}

fn units<'a>(places: impl IntoIterator<Item = &'a Place>) -> u64 {
    places.into_iter().map(|place| u64::from(place.units)).sum()
}

/// A counter that counts how often it is written, and one window of which is sick.
#[derive(Default)]
struct Counter {
    inner: MemoryQuotaCounter,
    restored: AtomicUsize,
    sick: Option<(BudgetName, fn() -> QuotaError)>,
}

impl Counter {
    fn check<'a>(&self, keys: impl IntoIterator<Item = &'a BudgetKey>) -> Result<(), QuotaError> {
        let mut keys = keys.into_iter();
        match &self.sick {
            Some((budget, error)) if keys.any(|key| key.budget == *budget) => Err(error()),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl QuotaCounter for Counter {
    async fn reserve(&self, reservation: &Reservation) -> Result<ReserveOutcome, QuotaError> {
        self.check(reservation.budgets.iter().map(|budget| &budget.key))?;
        self.inner.reserve(reservation).await
    }

    async fn release(
        &self,
        holder: &Holder,
        keys: &[BudgetKey],
        as_of: DateTime<Utc>,
    ) -> Result<(), QuotaError> {
        self.check(keys)?;
        self.inner.release(holder, keys, as_of).await
    }

    async fn usage(&self, keys: &[BudgetKey]) -> Result<Vec<Option<u32>>, QuotaError> {
        self.check(keys)?;
        self.inner.usage(keys).await
    }

    async fn sums(&self, key: &BudgetKey) -> Result<WindowSums, QuotaError> {
        self.check([key])?;
        self.inner.sums(key).await
    }

    async fn begin_restoration(
        &self,
        key: &BudgetKey,
    ) -> Result<Option<RestorationId>, QuotaError> {
        self.check([key])?;
        self.inner.begin_restoration(key).await
    }

    async fn restore(&self, record: &RecordedSegment) -> Result<bool, QuotaError> {
        self.check([&record.key])?;
        self.restored.fetch_add(1, SeqCst);
        self.inner.restore(record).await
    }

    async fn open(&self, key: &BudgetKey, restoration: RestorationId) -> Result<bool, QuotaError> {
        self.check([key])?;
        self.inner.open(key, restoration).await
    }
}

fn holder(n: i64) -> Holder {
    Turn {
        user: UserId::new(n),
        number: 1,
    }
    .holder()
}

/// A seat in each of the first ten segments.
fn ten_segments() -> impl Iterator<Item = u32> {
    (0..10).map(|segment| segment * Segment::SEATS + 1)
}

struct Bench {
    clock: Arc<FakeClock>,
    counter: Arc<Counter>,
    record: Arc<Record>,
    budgets: Vec<Budget>,
}

impl Bench {
    fn new(record: impl FnOnce(&FakeClock) -> Record) -> Self {
        let clock = Arc::<FakeClock>::default();
        Self {
            record: Arc::new(record(&clock)),
            counter: Arc::default(),
            budgets: learn_me(1_000_000).budgets_at(clock.now()),
            clock,
        }
    }

    /// Those of one replica.
    fn quotas(&self) -> Quotas {
        self.quotas_by(self.clock.clone())
    }

    fn quotas_by(&self, clock: Arc<FakeClock>) -> Quotas {
        Quotas::new(
            self.counter.clone(),
            self.record.clone(),
            clock,
            Registering::GRACE,
        )
    }

    fn key(&self) -> &BudgetKey {
        &self.budgets[0].key
    }

    async fn used(&self) -> Option<u32> {
        let keys = std::slice::from_ref(self.key());
        self.counter.inner.usage(keys).await.unwrap()[0]
    }
}

#[tokio::test]
async fn all_who_wait_for_a_restoration_share_its_failure() {
    let bench = Bench::new(|clock| Record {
        permits: Semaphore::new(0),
        fails: true,
        ..Record::of([1], clock)
    });
    let quotas = bench.quotas();
    let (quotas, budgets) = (&quotas, &bench.budgets);
    let callers = (0..20).map(|n| async move { quotas.reserve(&holder(n), budgets).await });
    let mut callers = pin!(join_all(callers));
    assert!(poll!(&mut callers).is_pending());
    bench.record.permits.add_permits(100);
    for outcome in callers.await {
        let error = outcome.unwrap_err();
        assert!(error.is_transient());
        let QuotasError::Restoration(cause) = error else {
            panic!("not of the restoration: {error:?}");
        };
        assert!(matches!(*cause, QuotasError::Record(_)));
    }
    assert_eq!(bench.record.read(), [0]);
    assert_eq!(bench.used().await, None);
}

#[tokio::test]
async fn a_failure_is_not_shared_with_who_comes_later() {
    let mut bench = Bench::new(|clock| Record {
        fails: true,
        ..Record::of([1], clock)
    });
    let quotas = bench.quotas();
    assert!(quotas.usage(&bench.budgets).await.is_err());
    drop(quotas);
    Arc::get_mut(&mut bench.record).unwrap().fails = false;
    assert_eq!(bench.quotas().usage(&bench.budgets).await.unwrap(), [1]);
}

#[tokio::test]
async fn who_gives_up_does_not_end_the_restoration_for_the_others() {
    let bench = Bench::new(|clock| Record {
        permits: Semaphore::new(0),
        ..Record::of(ten_segments(), clock)
    });
    let quotas = bench.quotas();
    let mut first = Box::pin(quotas.usage(&bench.budgets));
    let mut second = Box::pin(quotas.usage(&bench.budgets));
    assert!(poll!(&mut first).is_pending());
    assert!(poll!(&mut second).is_pending());
    bench.record.permits.add_permits(3);
    assert!(poll!(&mut first).is_pending());
    drop(first);
    bench.record.permits.add_permits(20);
    assert_eq!(second.await.unwrap(), [10]);
    // Nothing was read twice: it was one restoration.
    assert_eq!(bench.record.read().len(), 10);
}

#[tokio::test]
async fn a_restoration_that_everybody_gave_up_goes_on_where_it_stood() {
    let bench = Bench::new(|clock| Record {
        permits: Semaphore::new(5),
        ..Record::of(ten_segments(), clock)
    });
    let quotas = bench.quotas();
    let mut given_up = Box::pin(quotas.usage(&bench.budgets));
    while bench.counter.restored.load(SeqCst) < 5 {
        assert!(poll!(&mut given_up).is_pending());
        tokio::task::yield_now().await;
    }
    drop(given_up);
    assert_eq!(bench.used().await, None);
    bench.record.read();
    bench.record.permits.add_permits(20);
    // Another replica.
    assert_eq!(bench.quotas().usage(&bench.budgets).await.unwrap(), [10]);
    assert_eq!(bench.record.read(), [5, 6, 7, 8, 9]);
}

#[tokio::test]
async fn a_counter_that_forgets_while_it_is_restored_is_restored_from_the_beginning() {
    let bench = Bench::new(|clock| Record {
        permits: Semaphore::new(5),
        ..Record::of(ten_segments(), clock)
    });
    let quotas = bench.quotas();
    let mut caller = Box::pin(quotas.usage(&bench.budgets));
    while bench.counter.restored.load(SeqCst) < 5 {
        assert!(poll!(&mut caller).is_pending());
        tokio::task::yield_now().await;
    }
    bench.counter.inner.forget_all();
    bench.record.permits.add_permits(100);
    assert_eq!(caller.await.unwrap(), [10]);
}

#[tokio::test]
async fn two_replicas_that_restore_at_once_share_the_work() {
    let bench = Bench::new(|clock| Record::of(ten_segments(), clock));
    let (one, two) = (bench.quotas(), bench.quotas());
    let (one, two) = tokio::join!(one.usage(&bench.budgets), two.usage(&bench.budgets));
    assert_eq!(one.unwrap(), [10]);
    assert_eq!(two.unwrap(), [10]);
}

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
async fn what_an_older_version_recorded_is_read_and_not_written_again() {
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
async fn a_seat_that_is_anothers_costs_the_record_its_segment_and_no_more() {
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

fn catalogue() -> Catalogue {
    let mut other = learn_me(400);
    other.service_type = ServiceType::parse("OTHER").unwrap();
    other.path = ServicePath::parse("other").unwrap();
    other.queues.train = QueueName::parse("OtherTrainQueue").unwrap();
    other.queues.delete = QueueName::parse("OtherDeleteQueue").unwrap();
    Catalogue::new(vec![learn_me_with_reads(400, 10, 1000), other]).unwrap()
}

/// A world whose counter fails for the window of the monthly reads.
fn sick(error: fn() -> QuotaError) -> (World, Arc<Counter>, Quotas) {
    let world = World::new();
    let counter = Arc::new(Counter {
        sick: Some((BudgetName::parse("reads").unwrap(), error)),
        ..Counter::default()
    });
    let quotas = Quotas::new(
        counter.clone(),
        world.store.clone(),
        world.clock.clone(),
        Registering::GRACE,
    );
    (world, counter, quotas)
}

fn corrupt() -> QuotaError {
    QuotaError::Corrupt {
        key: "reads".to_owned(),
        source: "not a counter".into(),
    }
}

#[tokio::test]
async fn a_sick_window_is_told_and_stops_no_other() {
    let (world, counter, quotas) = sick(corrupt);
    let catalogue = catalogue();
    let failed = quotas.reconcile(&catalogue).await;
    let budgets: Vec<&str> = failed.iter().map(|it| it.key.budget.as_str()).collect();
    assert_eq!(budgets, ["reads"]);
    assert!(!failed[0].error.is_transient());
    for service in catalogue.iter() {
        let daily = service.budgets_at(world.now()).swap_remove(0).key;
        assert_eq!(counter.inner.usage(&[daily]).await.unwrap(), [Some(0)]);
    }
    quotas.check(&catalogue).await.unwrap();
}

#[tokio::test]
async fn a_counter_that_is_away_fails_the_check() {
    let (_world, _counter, quotas) = sick(|| QuotaError::Unavailable("no route".into()));
    assert!(quotas.check(&catalogue()).await.is_err());
}

#[tokio::test]
async fn a_window_that_is_still_to_be_restored_does_not_fail_the_check() {
    let world = World::new();
    let quotas = world.quotas();
    let catalogue = catalogue();
    let mut check = pin!(quotas.check(&catalogue));
    assert!(matches!(poll!(&mut check), Poll::Ready(Ok(()))));
    assert_eq!(world.counted(&learn_me(400)).await, [None]);
}
