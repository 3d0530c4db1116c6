use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_consumer::ConsumerError;
use lemon_domain::{
    ports::{
        Clock, Deletion, Delivery, Depth, FinishOutcome, JobQueue, NewRegistration, Outbox,
        OutboxTask, Outgoing, Publication, QueueError, Receipt, Registrations, RequestOutcome,
        StoreError,
    },
    values::{
        AccountId, IdempotencyKey, Identity, ProviderUserId, QueueName, Registered, Registration,
        RequestId, ServiceType, TrainingReady, Use, UserId,
    },
};
use lemon_worker::ReadyListener;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    relay::MockQueue,
    world::{World, eventually},
};

mockall::mock! {
    pub(crate) Registrations {}

    #[async_trait]
    impl Registrations for Registrations {
        async fn last_use(
            &self,
            user: UserId,
            service: &ServiceType,
        ) -> Result<Option<Use>, StoreError>;
        async fn answered(
            &self,
            user: UserId,
            service: &ServiceType,
            key: &IdempotencyKey,
        ) -> Result<Option<Registered>, StoreError>;
        async fn request(&self, new: NewRegistration) -> Result<RequestOutcome, StoreError>;
        async fn finish(
            &self,
            ready: &TrainingReady,
            request_id: RequestId,
            at: DateTime<Utc>,
        ) -> Result<FinishOutcome, StoreError>;
        async fn delete(&self, deletion: Deletion) -> Result<bool, StoreError>;
        async fn set_public(
            &self,
            publication: Publication,
        ) -> Result<Option<Registration>, StoreError>;
        async fn list(&self, user: UserId) -> Result<Vec<Registration>, StoreError>;
    }
}

/// A listener at work; dropping it leaves it, `end` sees it finish.
pub(crate) struct Listening {
    stop: CancellationToken,
    task: JoinHandle<Result<(), ConsumerError>>,
}

impl Listening {
    pub(crate) fn start(listener: Arc<ReadyListener>) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(listener.run(stop.clone()));
        Self { stop, task }
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }
}

/// Registrations that say so when they are told that a training is finished.
fn finishing(
    answer: impl Fn(usize) -> Result<FinishOutcome, StoreError> + Send + Sync + 'static,
) -> (Arc<MockRegistrations>, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let mut registrations = MockRegistrations::new();
    let counted = Arc::clone(&calls);
    registrations
        .expect_finish()
        .returning(move |_, _, _| answer(counted.fetch_add(1, Ordering::Relaxed)));
    (Arc::new(registrations), calls)
}

pub(crate) fn identity(n: i64) -> Identity {
    Identity {
        user: UserId::new(n),
        account: AccountId::twitter(ProviderUserId::try_from(n).unwrap()),
    }
}

pub(crate) fn ready(person: Identity) -> Value {
    json!({
        "finished": "done",
        "oauth_user_id": person.account.user_id.get(),
        "oauth_type": "TWITTER",
        "service_name": "LEARNME",
    })
}

impl World {
    async fn tell(&self, body: &Value) {
        self.tell_text(&body.to_string()).await;
    }

    async fn tell_text(&self, body: &str) {
        let message = Outgoing {
            id: Uuid::nil(),
            body: body.to_owned(),
        };
        let sent = self.queue.send(&self.queues().ready, vec![message]).await;
        sent.into_iter().next().unwrap().unwrap();
    }

    async fn all_is_heard(&self) {
        let ready = self.queues().ready;
        eventually("every message is heard", async || {
            self.queue.bodies(&ready).is_empty()
        })
        .await;
    }

    /// Takes every row out of the outbox; answers how many of them were of that task.
    async fn waiting(&self, task: OutboxTask) -> usize {
        let mut count = 0;
        loop {
            let lease = Duration::from_secs(1);
            let rows = self
                .store
                .claim(1000, lease, self.clock.now())
                .await
                .unwrap();
            if rows.is_empty() {
                return count;
            }
            let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
            self.store.remove(&ids).await.unwrap();
            count += rows.iter().filter(|row| row.task == task).count();
        }
    }

    async fn is_ready(&self, person: Identity) -> bool {
        self.store.list(person.user).await.unwrap()[0].ready
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ready_message_marks_the_registration_and_causes_one_notification() {
    let world = World::new();
    let person = world.registered(1).await;
    let listening = Listening::start(world.listener());
    for _ in 0..30 {
        world.tell(&ready(person)).await;
    }
    world.all_is_heard().await;
    listening.end().await;
    assert!(world.is_ready(person).await);
    assert_eq!(world.waiting(OutboxTask::Notify).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_messages_are_dead_lettered_with_their_reason_and_stop_nobody() {
    let world = World::new();
    let person = world.registered(1).await;
    let listening = Listening::start(world.listener());
    world.tell_text("not json").await;
    let mut other = ready(person);
    other["service_name"] = json!("DRAWME");
    world.tell(&other).await;
    world.tell(&ready(person)).await;
    world.all_is_heard().await;
    listening.end().await;

    assert!(world.is_ready(person).await);
    let dead = world.queue.dead_messages(&world.queues().ready);
    let reasons: Vec<&str> = dead.iter().map(|message| message.reason.as_str()).collect();
    assert_eq!(reasons.len(), 2);
    assert!(
        reasons
            .iter()
            .any(|reason| reason.starts_with("not a ready message")),
        "{reasons:?}"
    );
    assert!(
        reasons.contains(&"service_name is of no service here"),
        "{reasons:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_message_after_a_deletion_causes_another_delete_job() {
    let world = World::new();
    let person = world.registered(1).await;
    world
        .registering()
        .delete(person.user, &world.service())
        .await
        .unwrap();
    assert_eq!(world.waiting(OutboxTask::Delete).await, 1);
    let listening = Listening::start(world.listener());
    world.tell(&ready(person)).await;
    world.all_is_heard().await;
    listening.end().await;
    assert_eq!(world.waiting(OutboxTask::Delete).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_store_cannot_do_at_the_moment_a_delivery_stays_in_hand() {
    for fault in [StoreError::Unreached, StoreError::Unavailable] {
        let world = World::new();
        let person = world.registered(1).await;
        let (registrations, calls) = finishing(move |call| match call {
            0..4 => Err(fault("read-only, or the table is away".into())),
            _ => Ok(FinishOutcome::Finished),
        });
        let listening = Listening::start(world.listener_of(registrations, world.queue.clone()));
        world.tell(&ready(person)).await;
        world.all_is_heard().await;
        listening.end().await;
        assert_eq!(calls.load(Ordering::Relaxed), 5);
        assert_eq!(world.queue.dead_messages(&world.queues().ready), []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_message_or_its_rows_is_dead_lettered_at_once() {
    let rejected = || StoreError::Rejected("a check".into());
    let faults: [fn() -> StoreError; 2] = [|| StoreError::UnknownPerson, rejected];
    for fault in faults {
        let world = World::new();
        let person = world.registered(1).await;
        let (registrations, calls) = finishing(move |_| Err(fault()));
        let listening = Listening::start(world.listener_of(registrations, world.queue.clone()));
        world.tell(&ready(person)).await;
        world.all_is_heard().await;
        listening.end().await;
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert_eq!(world.queue.dead_messages(&world.queues().ready).len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_during_an_outage_spend_none_of_a_messages_receives() {
    let world = World::new();
    let person = world.registered(1).await;
    world.tell(&ready(person)).await;
    for _ in 0..7 {
        let (registrations, calls) =
            finishing(|_| Err(StoreError::Unreached("it is restored".into())));
        let listening = Listening::start(world.listener_of(registrations, world.queue.clone()));
        eventually("it was tried", async || calls.load(Ordering::Relaxed) > 0).await;
        listening.end().await;
        let depth = world.queue.depth(&world.queues().ready).await.unwrap();
        assert_eq!((depth.waiting, depth.in_flight, depth.dead), (1, 0, 0));
    }
    let listening = Listening::start(world.listener());
    world.all_is_heard().await;
    listening.end().await;
    assert!(world.is_ready(person).await);
    assert_eq!(world.waiting(OutboxTask::Notify).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_can_be_hidden_no_longer_is_put_back_as_a_new_message() {
    let world = World::new();
    let (registrations, _) = finishing(|_| Err(StoreError::Unreached("away".into())));
    let queue = Arc::new(Hanging {
        rounds: 1,
        refuses_to_hide: true,
        ..Hanging::default()
    });
    let listener = world.listener_of(registrations, queue.clone());
    let listening = Listening::start(listener);
    // By the paused clock: half the visibility timeout and the time to gather receipts.
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(queue.sent.load(Ordering::Relaxed), 20);
    assert_eq!(queue.acknowledged.load(Ordering::Relaxed), 20);
    listening.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_over_one_delivery_is_its_failure_alone() {
    let world = World::new();
    let (bad, good) = (world.registered(1).await, world.registered(2).await);
    let mut registrations = MockRegistrations::new();
    registrations.expect_finish().returning(move |ready, _, _| {
        assert!(ready.account != bad.account, "on purpose");
        Ok(FinishOutcome::Finished)
    });
    let mut listener = world.listener_of(Arc::new(registrations), world.queue.clone());
    let config = Arc::get_mut(&mut listener).unwrap();
    config.config.backoff = (Duration::ZERO, Duration::ZERO);
    let listening = Listening::start(listener);
    world.tell(&ready(bad)).await;
    world.tell(&ready(good)).await;
    world.all_is_heard().await;
    listening.end().await;
    let dead = world.queue.dead_messages(&world.queues().ready);
    // By its backoff, not by its visibility timeout: nothing moves the clock.
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].reason, "its handler panicked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_that_ends_before_the_stop_ends_the_listener_with_an_error() {
    let receiving = || {
        let mut queue = MockQueue::new();
        queue
            .expect_receive()
            .returning(|_, _, _| panic!("on purpose"));
        queue
    };
    let acknowledging = || {
        let mut queue = MockQueue::new();
        let delivery = Delivery {
            message_id: "1".to_owned(),
            receipt: Receipt("1".to_owned()),
            body: ready(identity(1)).to_string(),
            attempt: 1,
        };
        queue
            .expect_receive()
            .returning(move |_, _, _| Ok(vec![delivery.clone()]));
        queue.expect_ack().returning(|_, _| panic!("on purpose"));
        queue
    };
    for queue in [receiving(), acknowledging()] {
        let world = World::new();
        let (registrations, _) = finishing(|_| Ok(FinishOutcome::Finished));
        let listener = world.listener_of(registrations, Arc::new(queue));
        let ended = tokio::spawn(listener.run(CancellationToken::new()));
        let ended = tokio::time::timeout(Duration::from_mins(1), ended).await;
        let ended = ended.expect("it ends").unwrap();
        assert!(
            matches!(ended, Err(ConsumerError::Panicked(_))),
            "{ended:?}"
        );
    }
}

/// A queue that answers no call within its deadline, but for the first receives.
#[derive(Default)]
struct Hanging {
    /// Receives that bring something.
    rounds: usize,
    received: AtomicUsize,
    /// It answers, and refuses to hide a message for longer.
    refuses_to_hide: bool,
    sent: AtomicUsize,
    acknowledged: AtomicUsize,
}

impl Hanging {
    async fn hang(&self) -> QueueError {
        tokio::time::sleep(Duration::from_secs(5)).await;
        QueueError::Unavailable("no answer".into())
    }
}

#[async_trait]
impl JobQueue for Hanging {
    async fn send(&self, _: &QueueName, messages: Vec<Outgoing>) -> Vec<Result<(), QueueError>> {
        if self.refuses_to_hide {
            self.sent.fetch_add(messages.len(), Ordering::Relaxed);
            return vec![Ok(())];
        }
        vec![Err(self.hang().await)]
    }

    async fn receive(
        &self,
        _: &QueueName,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        let round = self.received.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(1)).await;
        if round > self.rounds {
            tokio::time::sleep(wait).await;
            return Err(self.hang().await);
        }
        let delivery = |n| Delivery {
            message_id: format!("{round}-{n}"),
            receipt: Receipt(format!("{round}-{n}")),
            body: ready(identity(n)).to_string(),
            attempt: 1,
        };
        Ok((1..=i64::try_from(max).unwrap()).map(delivery).collect())
    }

    async fn ack(&self, _: &QueueName, receipts: &[Receipt]) -> Vec<Result<(), QueueError>> {
        if self.refuses_to_hide {
            self.acknowledged
                .fetch_add(receipts.len(), Ordering::Relaxed);
            return receipts.iter().map(|_| Ok(())).collect();
        }
        let error = self.hang().await.to_string();
        let failed = |_| Err(QueueError::Unavailable(error.clone().into()));
        receipts.iter().map(failed).collect()
    }

    async fn retry_after(&self, _: &QueueName, _: &Receipt, _: Duration) -> Result<(), QueueError> {
        Err(self.hang().await)
    }

    async fn extend(&self, _: &QueueName, _: &Receipt, _: Duration) -> Result<(), QueueError> {
        if self.refuses_to_hide {
            return Err(QueueError::Rejected("beyond 12 hours".into()));
        }
        Err(self.hang().await)
    }

    async fn dead_letter(&self, _: &QueueName, _: &Delivery, _: &str) -> Result<(), QueueError> {
        Err(self.hang().await)
    }

    async fn depth(&self, _: &QueueName) -> Result<Depth, QueueError> {
        Err(self.hang().await)
    }
}

/// By a clock that stands while anything can be done, so that no machine is too slow.
#[tokio::test(start_paused = true)]
async fn a_stop_ends_in_time_though_the_queue_answers_nothing() {
    for store_is_away in [false, true] {
        let world = World::new();
        let (registrations, calls) = finishing(move |_| {
            if store_is_away {
                Err(StoreError::Unreached("away".into()))
            } else {
                Ok(FinishOutcome::Finished)
            }
        });
        let queue = Arc::new(Hanging {
            rounds: 5,
            ..Hanging::default()
        });
        let mut listener = world.listener_of(registrations, queue);
        Arc::get_mut(&mut listener).unwrap().config.wait = Duration::from_secs(20);
        let listening = Listening::start(listener);
        while calls.load(Ordering::Relaxed) < 20 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let stopped = tokio::time::Instant::now();
        listening.end().await;
        // A receive, a try, what is put back, an acknowledgement: the supervisor waits for 25 s.
        assert!(
            stopped.elapsed() <= Duration::from_secs(16),
            "{:?}",
            stopped.elapsed()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn while_deliveries_are_held_fewer_are_received() {
    let world = World::new();
    let (registrations, calls) = finishing(|_| Err(StoreError::Unreached("away".into())));
    let queue = Arc::new(Hanging {
        rounds: 10,
        ..Hanging::default()
    });
    let listener = world.listener_of(registrations, queue.clone());
    let _listening = Listening::start(listener);
    while calls.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Both pollers have received before the first was held, and once more perhaps; there would be room for six.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let received = queue.received.load(Ordering::Relaxed);
    assert!(received <= 4, "{received} receives");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corrupt_data_is_dead_lettered_and_stops_nobody() {
    let world = World::new();
    let (corrupt, sound) = (world.registered(1).await, world.registered(2).await);
    let mut registrations = MockRegistrations::new();
    registrations.expect_finish().returning(move |ready, _, _| {
        if ready.account == corrupt.account {
            Err(StoreError::Corrupt {
                table: "registrations",
                key: "1".to_owned(),
                source: "no such service".into(),
            })
        } else {
            Ok(FinishOutcome::Finished)
        }
    });
    let listening =
        Listening::start(world.listener_of(Arc::new(registrations), world.queue.clone()));
    world.tell(&ready(corrupt)).await;
    world.tell(&ready(sound)).await;
    world.all_is_heard().await;
    listening.end().await;
    let dead = world.queue.dead_messages(&world.queues().ready);
    assert_eq!(dead.len(), 1);
    assert!(
        dead[0].reason.contains("registrations, row 1"),
        "{}",
        dead[0].reason
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_messages_in_hand_at_the_end_are_acknowledged_or_come_again() {
    let world = World::new();
    let mut people = Vec::new();
    for n in 1..=200 {
        people.push(world.registered(n).await);
    }
    for person in &people {
        for _ in 0..5 {
            world.tell(&ready(*person)).await;
        }
    }
    // Ended in the middle of it, and started again.
    Listening::start(world.listener()).end().await;
    world.clock.advance(Duration::from_mins(1));
    let listening = Listening::start(world.listener());
    world.all_is_heard().await;
    listening.end().await;
    for person in people {
        assert!(world.is_ready(person).await);
    }
    assert_eq!(world.waiting(OutboxTask::Notify).await, 200);
}
