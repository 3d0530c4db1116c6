//! How old an answer about usage may be, and how many callers share one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::{FutureExt, future::join_all, poll};
use lemon_domain::{
    ports::{
        QuotaCounter, QuotaError, RecordedSegment, Reservation, ReserveOutcome, RestorationId,
        WindowSums,
    },
    usecases::{Quotas, Registering},
    values::{Budget, BudgetKey, Holder, Turn, UserId},
};
use lemon_fakes::MemoryQuotaCounter;
use tokio::sync::Semaphore;

use crate::world::{World, learn_me};

const MAX_AGE: Duration = Duration::from_millis(5);
const MILLISECOND: Duration = Duration::from_millis(1);

/// A counter that counts questions. Each question needs a permit to be answered.
struct Counter {
    inner: Arc<MemoryQuotaCounter>,
    permits: Semaphore,
    questions: AtomicUsize,
}

#[async_trait]
impl QuotaCounter for Counter {
    async fn usage(&self, keys: &[BudgetKey]) -> Result<Vec<Option<u32>>, QuotaError> {
        self.questions.fetch_add(1, SeqCst);
        let usage = self.inner.usage(keys).await;
        self.permits.acquire().await.unwrap().forget();
        usage
    }

    async fn reserve(&self, reservation: &Reservation) -> Result<ReserveOutcome, QuotaError> {
        self.inner.reserve(reservation).await
    }

    async fn release(
        &self,
        holder: &Holder,
        keys: &[BudgetKey],
        as_of: DateTime<Utc>,
    ) -> Result<(), QuotaError> {
        self.inner.release(holder, keys, as_of).await
    }

    async fn sums(&self, key: &BudgetKey) -> Result<WindowSums, QuotaError> {
        self.inner.sums(key).await
    }

    async fn begin_restoration(
        &self,
        key: &BudgetKey,
    ) -> Result<Option<RestorationId>, QuotaError> {
        self.inner.begin_restoration(key).await
    }

    async fn restore(&self, record: &RecordedSegment) -> Result<bool, QuotaError> {
        self.inner.restore(record).await
    }

    async fn open(&self, key: &BudgetKey, restoration: RestorationId) -> Result<bool, QuotaError> {
        self.inner.open(key, restoration).await
    }
}

/// Two replicas and their counter, in which one place is taken.
struct Bench {
    world: World,
    counter: Arc<Counter>,
    budgets: Vec<Budget>,
    here: Quotas,
    there: Quotas,
}

impl Bench {
    async fn new(max_age: Duration) -> Self {
        let world = World::new();
        let counter = Arc::new(Counter {
            inner: world.counter.clone(),
            permits: Semaphore::new(100),
            questions: AtomicUsize::new(0),
        });
        let replica = || {
            let (record, clock) = (world.store.clone(), world.clock.clone());
            Quotas::new(counter.clone(), record, clock, Registering::GRACE).with_max_age(max_age)
        };
        let bench = Self {
            budgets: learn_me(400).budgets_at(world.now()),
            here: replica(),
            there: replica(),
            counter,
            world,
        };
        bench.take(&bench.there, 1).await;
        bench.questions();
        bench
    }

    async fn take(&self, quotas: &Quotas, n: i64) {
        let user = UserId::new(n);
        let holder = Turn { user, number: 1 }.holder();
        let taken = quotas.reserve(&holder, &self.budgets).await.unwrap();
        assert!(taken.is_ok());
    }

    async fn used(&self) -> u32 {
        self.here.usage(&self.budgets).await.unwrap()[0]
    }

    /// The questions since the last call.
    fn questions(&self) -> usize {
        self.counter.questions.swap(0, SeqCst)
    }

    /// Lets questions wait for [`answer`](Self::answer).
    fn hold(&self) {
        self.counter.permits.forget_permits(usize::MAX >> 4);
    }

    fn answer(&self, questions: usize) {
        self.counter.permits.add_permits(questions);
    }
}

#[tokio::test]
async fn without_an_age_every_call_asks() {
    let bench = Bench::new(Duration::ZERO).await;
    assert_eq!((bench.used().await, bench.used().await), (1, 1));
    assert_eq!(bench.questions(), 2);
}

#[tokio::test]
async fn an_answer_is_given_again_until_it_is_too_old() {
    let bench = Bench::new(MAX_AGE).await;
    assert_eq!(bench.used().await, 1);
    bench.take(&bench.there, 2).await;
    bench.world.clock.advance(MAX_AGE);
    assert_eq!((bench.used().await, bench.questions()), (1, 1));
    bench.world.clock.advance(MILLISECOND);
    assert_eq!((bench.used().await, bench.questions()), (2, 1));
}

#[tokio::test]
async fn many_callers_share_one_question() {
    let bench = Bench::new(MAX_AGE).await;
    bench.hold();
    let asking = join_all((0..50).map(|_| bench.used()));
    let mut asking = std::pin::pin!(asking);
    assert!(poll!(&mut asking).is_pending());
    bench.answer(1);
    assert_eq!(asking.await, [1; 50]);
    assert_eq!(bench.questions(), 1);
}

#[tokio::test]
async fn a_replica_sees_its_own_changes_at_once() {
    let bench = Bench::new(MAX_AGE).await;
    assert_eq!(bench.used().await, 1);
    bench.take(&bench.here, 2).await;
    assert_eq!(bench.used().await, 2);
    let user = UserId::new(2);
    let keys: Vec<_> = bench.budgets.iter().map(|it| it.key.clone()).collect();
    let holder = Turn { user, number: 1 }.holder();
    let now = bench.world.now();
    bench.here.release(&holder, &keys, now).await.unwrap();
    assert_eq!(bench.used().await, 1);
}

#[tokio::test]
async fn an_answer_from_before_a_change_does_not_hide_it() {
    let bench = Bench::new(MAX_AGE).await;
    bench.hold();
    let mut early = std::pin::pin!(bench.used());
    assert!(poll!(&mut early).is_pending());
    bench.take(&bench.here, 2).await;
    bench.answer(1);
    early.await;
    bench.answer(1);
    assert_eq!(bench.used().await, 2);
}

#[tokio::test]
async fn a_refusal_that_tells_of_others_changes_is_believed() {
    let mut bench = Bench::new(MAX_AGE).await;
    bench.budgets = learn_me(2).budgets_at(bench.world.now());
    assert_eq!(bench.used().await, 1);
    bench.take(&bench.there, 2).await;
    let user = UserId::new(3);
    let holder = Turn { user, number: 1 }.holder();
    let refused = bench.here.reserve(&holder, &bench.budgets).await.unwrap();
    assert!(refused.is_err());
    assert_eq!(bench.used().await, 2);
}

#[tokio::test]
async fn a_question_that_began_too_early_is_asked_again() {
    let bench = Bench::new(MAX_AGE).await;
    bench.hold();
    let mut early = std::pin::pin!(bench.used());
    assert!(poll!(&mut early).is_pending());
    bench.take(&bench.there, 2).await;
    bench.world.clock.advance(MAX_AGE + MILLISECOND);
    let mut late = std::pin::pin!(bench.used());
    assert!(poll!(&mut late).is_pending());
    assert_eq!(bench.questions(), 1);
    bench.answer(2);
    assert_eq!((early.await, late.await), (1, 2));
}

#[tokio::test]
async fn after_a_jump_of_the_clock_the_counter_is_asked() {
    let bench = Bench::new(MAX_AGE).await;
    assert_eq!(bench.used().await, 1);
    bench.take(&bench.there, 2).await;
    bench.world.clock.set(bench.world.now() - MILLISECOND);
    assert_eq!(bench.used().await, 2);
}

#[tokio::test]
async fn a_window_that_the_counter_forgot_is_restored() {
    let bench = Bench::new(MAX_AGE).await;
    bench.world.counter.forget_all();
    assert_eq!(bench.used().await, 0);
}

#[tokio::test]
async fn whoever_gives_up_takes_no_other_caller_along() {
    let bench = Bench::new(MAX_AGE).await;
    bench.hold();
    let mut first = bench.used().boxed_local();
    let mut second = std::pin::pin!(bench.used());
    assert!(poll!(&mut first).is_pending());
    assert!(poll!(&mut second).is_pending());
    drop(first);
    bench.answer(1);
    assert_eq!((second.await, bench.questions()), (1, 1));
}
