//! Deliveries that cannot be finished: the store is away, or the fault is one delivery's own.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Clock, Delivery, Depth, FinishOutcome, JobQueue, Outgoing, QueueError, Receipt, StoreError,
        mocks::MockRegistrations,
    },
    values::{ProviderUserId, QueueName},
};
use lemon_fakes::MemoryJobQueue;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{
    listener::{Listening, identity, ready},
    world::{World, finished},
};

const SECOND: Duration = Duration::from_secs(1);

/// Shows the paused time of the runtime.
struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + self.0.elapsed()
    }
}

/// Queues that are looked at once a second, so that hours of paused time are over soon.
struct Leisurely(MemoryJobQueue);

#[async_trait]
impl JobQueue for Leisurely {
    async fn send(
        &self,
        queue: &QueueName,
        messages: Vec<Outgoing>,
    ) -> Vec<Result<(), QueueError>> {
        self.0.send(queue, messages).await
    }

    async fn receive(
        &self,
        queue: &QueueName,
        max: usize,
        _: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        sleep(SECOND).await;
        self.0.receive(queue, max, Duration::ZERO).await
    }

    async fn ack(&self, queue: &QueueName, receipts: &[Receipt]) -> Vec<Result<(), QueueError>> {
        self.0.ack(queue, receipts).await
    }

    async fn retry_after(
        &self,
        queue: &QueueName,
        receipt: &Receipt,
        delay: Duration,
    ) -> Result<(), QueueError> {
        self.0.retry_after(queue, receipt, delay).await
    }

    async fn extend(
        &self,
        queue: &QueueName,
        receipt: &Receipt,
        visibility: Duration,
    ) -> Result<(), QueueError> {
        self.0.extend(queue, receipt, visibility).await
    }

    async fn dead_letter(
        &self,
        queue: &QueueName,
        delivery: &Delivery,
        reason: &str,
    ) -> Result<(), QueueError> {
        self.0.dead_letter(queue, delivery, reason).await
    }

    async fn depth(&self, queue: &QueueName) -> Result<Depth, QueueError> {
        self.0.depth(queue).await
    }
}

/// A store that is away, or cannot finish the trainings of some people, and remembers whose it has finished.
#[derive(Default)]
struct Store {
    is_away: AtomicBool,
    sick: BTreeSet<i64>,
    /// Are told of again and again: an answer that takes no writing.
    finished_before: BTreeSet<i64>,
    finished: Mutex<BTreeSet<ProviderUserId>>,
}

impl Store {
    fn finish(&self, person: ProviderUserId) -> Result<FinishOutcome, StoreError> {
        if self.finished_before.contains(&person.get()) {
            return Ok(FinishOutcome::AlreadyFinished);
        }
        if self.is_away.load(Ordering::Relaxed) {
            return Err(StoreError::Unreached("it is restored".into()));
        }
        if self.sick.contains(&person.get()) {
            return Err(StoreError::Unreached("its row is locked".into()));
        }
        self.finished.lock().unwrap().insert(person);
        Ok(finished())
    }

    fn has_finished(&self, people: impl IntoIterator<Item = i64>) -> bool {
        let finished = self.finished.lock().unwrap();
        let person = |n| ProviderUserId::try_from(n).unwrap();
        people.into_iter().all(|n| finished.contains(&person(n)))
    }
}

struct Scene {
    store: Arc<Store>,
    queue: Arc<Leisurely>,
    name: QueueName,
    listening: Listening,
}

impl Scene {
    fn of(store: Store) -> Self {
        let (world, store) = (World::new(), Arc::new(store));
        let name = world.queues().ready;
        let clock = Arc::new(PausedClock(Instant::now()));
        let queue = Arc::new(Leisurely(MemoryJobQueue::new(clock, [name.clone()])));
        let mut registrations = MockRegistrations::new();
        let finishing = Arc::clone(&store);
        registrations
            .expect_finish()
            .returning(move |ready, _, _| finishing.finish(ready.account.user_id));
        let listener = world.listener_of(Arc::new(registrations), queue.clone());
        Self {
            listening: Listening::start(listener),
            store,
            queue,
            name,
        }
    }

    async fn tell(&self, n: i64) {
        let message = Outgoing {
            id: Uuid::nil(),
            body: ready(identity(n)).to_string(),
            trace: None,
        };
        let sent = self.queue.send(&self.name, vec![message]).await;
        sent.into_iter().collect::<Result<(), _>>().unwrap();
    }

    async fn depth(&self) -> (u64, u64, u64) {
        let depth = self.queue.depth(&self.name).await.unwrap();
        (depth.waiting, depth.in_flight, depth.dead)
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_fails_for_a_fault_of_its_own_is_dead_lettered_in_the_end() {
    let scene = Scene::of(Store {
        sick: [1].into(),
        ..Store::default()
    });
    let begun = Instant::now();
    let mut told = 1;
    scene.tell(1).await;
    while scene.depth().await.2 == 0 {
        assert!(
            begun.elapsed() < Duration::from_secs(3 * 60 * 60),
            "it is held"
        );
        told += 1;
        scene.tell(told).await;
        sleep(20 * SECOND).await;
    }
    let dead = scene.queue.0.dead_messages(&scene.name);
    // The store's words are for the log.
    assert_eq!(
        dead[0].reason,
        "each attempt failed, while other messages succeeded"
    );
    // Its five receives last, so that what passes within the hour passes.
    assert!(begun.elapsed() > Duration::from_secs(60 * 60));
    assert!(scene.store.has_finished(2..=told));
    scene.listening.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_any_length_spends_no_receives() {
    let scene = Scene::of(Store::default());
    scene.store.is_away.store(true, Ordering::Relaxed);
    for n in 1..=100 {
        scene.tell(n).await;
    }
    sleep(Duration::from_secs(3 * 60 * 60)).await;
    assert_eq!(scene.depth().await.2, 0);
    scene.store.is_away.store(false, Ordering::Relaxed);
    sleep(Duration::from_secs(5 * 60)).await;
    assert_eq!(scene.depth().await, (0, 0, 0));
    assert!(scene.store.has_finished(1..=100));
    scene.listening.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_delivery_without_a_write_does_not_show_that_the_store_is_available() {
    let scene = Scene::of(Store {
        finished_before: [1].into(),
        ..Store::default()
    });
    scene.store.is_away.store(true, Ordering::Relaxed);
    for n in 2..=20 {
        scene.tell(n).await;
    }
    for _ in 0..3 * 60 {
        scene.tell(1).await;
        sleep(60 * SECOND).await;
    }
    assert_eq!(scene.depth().await.2, 0);
    scene.store.is_away.store(false, Ordering::Relaxed);
    sleep(Duration::from_secs(5 * 60)).await;
    assert_eq!(scene.depth().await, (0, 0, 0));
    assert!(scene.store.has_finished(2..=20));
    scene.listening.end().await;
}

#[tokio::test(start_paused = true)]
async fn deliveries_that_fail_for_faults_of_their_own_do_not_stop_the_queue() {
    let scene = Scene::of(Store {
        sick: (1..=100).collect(),
        ..Store::default()
    });
    for n in 1..=200 {
        scene.tell(n).await;
    }
    sleep(Duration::from_secs(15 * 60)).await;
    assert!(scene.store.has_finished(101..=200));
    scene.listening.end().await;
}

#[tokio::test(start_paused = true)]
async fn one_held_delivery_does_not_slow_the_others() {
    let scene = Scene::of(Store {
        sick: [1].into(),
        ..Store::default()
    });
    scene.tell(1).await;
    sleep(2 * SECOND).await;
    assert_eq!(scene.depth().await, (0, 1, 0));
    scene.tell(2).await;
    sleep(SECOND + SECOND / 2).await;
    assert!(scene.store.has_finished([2]));
    scene.listening.end().await;
}
