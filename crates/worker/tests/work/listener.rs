use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Clock, Deletion, FinishOutcome, JobQueue, NewRegistration, Outbox, OutboxTask, Outgoing,
        Publication, Registrations, RequestOutcome, StoreError,
    },
    values::{
        IdempotencyKey, Identity, Registered, Registration, RequestId, ServiceType, TrainingReady,
        Use, UserId,
    },
};
use lemon_worker::ReadyListener;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::world::{World, eventually};

mockall::mock! {
    Registrations {}

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
struct Listening {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Listening {
    fn start(listener: Arc<ReadyListener>) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(listener.run(stop.clone()));
        Self { stop, task }
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

fn ready(person: Identity) -> Value {
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

    /// What waits in the outbox, of a task.
    async fn waiting(&self, task: OutboxTask) -> usize {
        self.clock.advance(Duration::from_mins(1));
        let rows = self
            .store
            .claim(1000, Duration::ZERO, self.clock.now())
            .await
            .unwrap();
        rows.iter().filter(|row| row.task == task).count()
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
        reasons.contains(&"there is no service DRAWME"),
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
    assert_eq!(world.waiting(OutboxTask::Delete).await, 2);
    assert_eq!(world.waiting(OutboxTask::Notify).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_store_is_away_a_delivery_stays_in_hand() {
    let world = World::new();
    let person = world.registered(1).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let mut registrations = MockRegistrations::new();
    let counted = Arc::clone(&calls);
    registrations.expect_finish().returning(move |_, _, _| {
        if counted.fetch_add(1, Ordering::Relaxed) < 4 {
            Err(StoreError::Unavailable("down".into()))
        } else {
            Ok(FinishOutcome::Finished)
        }
    });
    let listener = world.listener_of(Arc::new(registrations), world.queue.clone());
    let listening = Listening::start(listener);
    world.tell(&ready(person)).await;
    world.all_is_heard().await;
    listening.end().await;
    assert_eq!(calls.load(Ordering::Relaxed), 5);
    assert_eq!(world.queue.dead_messages(&world.queues().ready), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_end_while_the_store_is_away_it_gives_the_delivery_back() {
    let world = World::new();
    let person = world.registered(1).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let mut registrations = MockRegistrations::new();
    let counted = Arc::clone(&calls);
    registrations.expect_finish().returning(move |_, _, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        Err(StoreError::Unavailable("down".into()))
    });
    let listening =
        Listening::start(world.listener_of(Arc::new(registrations), world.queue.clone()));
    world.tell(&ready(person)).await;
    eventually("it was tried", async || calls.load(Ordering::Relaxed) > 0).await;
    listening.end().await;
    let depth = world.queue.depth(&world.queues().ready).await.unwrap();
    assert_eq!((depth.waiting, depth.in_flight, depth.dead), (1, 0, 0));
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
