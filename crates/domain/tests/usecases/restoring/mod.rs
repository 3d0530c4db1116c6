//! How a counter comes to agree with the record: shared, resumed, and only where they differ.

mod reconciliation;
mod restoration;
mod sick_window;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Clock, PlaceRecord, QuotaCounter, QuotaError, RecordSums, RecordedSegment, Reservation,
        ReserveOutcome, RestorationId, StoreError, WindowSums,
    },
    usecases::{Quotas, Registering},
    values::{Budget, BudgetKey, BudgetName, Holder, Place, Segment, Sums, Turn, UserId},
};
use lemon_fakes::{FakeClock, MemoryQuotaCounter};
use tokio::sync::Semaphore;

use crate::{mocks::broken_off, world::learn_me};

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
