use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_consumer::RelayConfig;
use lemon_domain::{
    ports::{
        Clock, Delivery, Depth, JobQueue, Outbox, Outgoing, QueueError, Receipt, Registrations,
        mocks::MockJobQueue,
    },
    values::QueueName,
};
use lemon_fakes::{FakeClock, MemoryJobQueue};
use serde_json::Value;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::world::{World, eventually};

/// Queues of which that of delete jobs answers when another has been sent to.
struct Waiting {
    others: Arc<MemoryJobQueue>,
    sent: Notify,
}

#[async_trait]
impl JobQueue for Waiting {
    async fn send(
        &self,
        queue: &QueueName,
        messages: Vec<Outgoing>,
    ) -> Vec<Result<(), QueueError>> {
        if queue.as_str() == "delete" {
            self.sent.notified().await;
        }
        let outcomes = self.others.send(queue, messages).await;
        self.sent.notify_one();
        outcomes
    }

    async fn receive(
        &self,
        queue: &QueueName,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        self.others.receive(queue, max, wait).await
    }

    async fn ack(&self, queue: &QueueName, receipts: &[Receipt]) -> Vec<Result<(), QueueError>> {
        self.others.ack(queue, receipts).await
    }

    async fn retry_after(
        &self,
        queue: &QueueName,
        receipt: &Receipt,
        delay: Duration,
    ) -> Result<(), QueueError> {
        self.others.retry_after(queue, receipt, delay).await
    }

    async fn extend(
        &self,
        queue: &QueueName,
        receipt: &Receipt,
        visibility: Duration,
    ) -> Result<(), QueueError> {
        self.others.extend(queue, receipt, visibility).await
    }

    async fn dead_letter(
        &self,
        queue: &QueueName,
        delivery: &Delivery,
        reason: &str,
    ) -> Result<(), QueueError> {
        self.others.dead_letter(queue, delivery, reason).await
    }

    async fn depth(&self, queue: &QueueName) -> Result<Depth, QueueError> {
        self.others.depth(queue).await
    }
}

async fn backlog(world: &World) -> u64 {
    world.store.backlog(world.clock.now()).await.unwrap().rows
}

fn users(bodies: &[String]) -> Vec<String> {
    let user = |body: &String| {
        let body: Value = serde_json::from_str(body).unwrap();
        body["user_id"].as_str().unwrap().to_owned()
    };
    bodies.iter().map(user).collect()
}

#[tokio::test]
async fn a_registration_becomes_a_job_with_the_persons_credentials() {
    let world = World::new();
    world.registered(7).await;
    assert_eq!(world.relay().relay_batch().await.unwrap(), 1);
    let bodies = world.queue.bodies(&world.queues().train);
    let body: Value = serde_json::from_str(&bodies[0]).unwrap();
    assert_eq!(body["access_token"], "token-7");
    assert_eq!(body["access_secret"], "secret-7");
    assert_eq!(backlog(&world).await, 0);
}

#[tokio::test]
async fn a_deletion_becomes_a_delete_job_and_the_unsent_training_is_not_sent() {
    let world = World::new();
    let person = world.registered(7).await;
    world
        .registering()
        .delete(person.user, &world.service())
        .await
        .unwrap();
    world.relay().relay_batch().await.unwrap();
    assert_eq!(world.queue.bodies(&world.queues().train), [""; 0]);
    assert_eq!(users(&world.queue.bodies(&world.queues().delete)), ["7"]);
}

#[tokio::test]
async fn the_failure_of_one_entry_does_not_delay_the_others() {
    let world = World::new();
    for n in 1..=3 {
        world.registered(n).await;
    }
    let mut queue = MockJobQueue::new();
    queue.expect_send().once().returning(|_, messages| {
        let fails = |n| (n == 1).then(|| QueueError::Unreached("no connection".into()));
        (0..messages.len())
            .map(|n| fails(n).map_or(Ok(()), Err))
            .collect()
    });
    world.relay_to(Arc::new(queue)).relay_batch().await.unwrap();
    assert_eq!(backlog(&world).await, 1);

    // Not before its time, and then it is sent.
    assert_eq!(world.relay().relay_batch().await.unwrap(), 0);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.relay().relay_batch().await.unwrap(), 1);
    assert_eq!(users(&world.queue.bodies(&world.queues().train)), ["2"]);
    assert_eq!(backlog(&world).await, 0);
}

#[tokio::test]
async fn a_refused_job_waits_longer_each_time_and_is_never_discarded() {
    let world = World::new();
    world.registered(1).await;
    let mut queue = MockJobQueue::new();
    queue.expect_send().times(20).returning(|_, messages| {
        let refused = |_| Err(QueueError::Rejected("no".into()));
        messages.iter().map(refused).collect()
    });
    let relay = world.relay_to(Arc::new(queue));
    for _ in 0..20 {
        assert_eq!(relay.relay_batch().await.unwrap(), 1);
        assert_eq!(relay.relay_batch().await.unwrap(), 0, "it waits");
        world.clock.advance(RelayConfig::default().backoff.1);
    }
    assert_eq!(world.relay().relay_batch().await.unwrap(), 1);
    assert_eq!(users(&world.queue.bodies(&world.queues().train)), ["1"]);
}

#[tokio::test]
async fn a_crash_after_sending_sends_again_with_the_same_request_id() {
    let world = World::new();
    world.registered(1).await;
    let relay = world.relay();
    // The crash: sent, and not removed.
    let claimed = world
        .store
        .claim(10, RelayConfig::default().lease, world.clock.now())
        .await
        .unwrap();
    world.clock.advance(RelayConfig::default().lease);
    relay.relay_batch().await.unwrap();
    let body: Value = serde_json::from_str(&world.queue.bodies(&world.queues().train)[0]).unwrap();
    assert_eq!(body["request_id"], claimed[0].request_id.to_string());
}

/// A clock that goes on by half a minute each time it is looked at.
struct Hasty(Arc<FakeClock>);

impl Clock for Hasty {
    fn now(&self) -> DateTime<Utc> {
        let now = self.0.now();
        self.0.advance(Duration::from_secs(30));
        now
    }
}

#[tokio::test]
async fn rows_that_were_claimed_too_long_ago_are_left_for_the_next_claim() {
    let world = World::new();
    world.registered(1).await;
    // It is called for nothing.
    let clock = Arc::new(Hasty(world.clock.clone()));
    let relay = world.relay_by(clock, Arc::new(MockJobQueue::new()));
    assert_eq!(relay.relay_batch().await.unwrap(), 1);
    assert_eq!(backlog(&world).await, 1);
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(world.relay().relay_batch().await.unwrap(), 1);
    assert_eq!(users(&world.queue.bodies(&world.queues().train)), ["1"]);
}

#[tokio::test]
async fn a_queue_that_hangs_does_not_delay_the_others() {
    let world = World::new();
    let gone = world.registered(1).await;
    let service = world.service();
    let deleted = world.registering().delete(gone.user, &service).await;
    assert!(deleted.unwrap().is_some());
    world.registered(2).await;
    // The queue of delete jobs comes first by name, and answers only when the other one is done with.
    let queue = Arc::new(Waiting {
        others: world.queue.clone(),
        sent: Notify::new(),
    });
    let relay = world.relay_to(queue);
    let relayed = tokio::time::timeout(Duration::from_secs(60), relay.relay_batch());
    assert_eq!(relayed.await.expect("it ends").unwrap(), 2);
    assert_eq!(users(&world.queue.bodies(&world.queues().train)), ["2"]);
}

#[tokio::test]
async fn a_job_that_may_have_been_sent_waits_longer_than_one_that_was_not() {
    let world = World::new();
    let waits = async |error: fn() -> QueueError| {
        let mut queue = MockJobQueue::new();
        queue
            .expect_send()
            .returning(move |_, messages| messages.iter().map(|_| Err(error())).collect());
        let relay = world.relay_to(Arc::new(queue));
        assert_eq!(relay.relay_batch().await.unwrap(), 1);
        world.clock.advance(Duration::from_secs(1));
        let soon = relay.relay_batch().await.unwrap();
        world.clock.advance(Duration::from_secs(30));
        let later = relay.relay_batch().await.unwrap();
        world.clock.advance(Duration::from_secs(10 * 60));
        (soon, later)
    };
    world.registered(1).await;
    assert_eq!(
        waits(|| QueueError::Unavailable("no answer".into())).await,
        (0, 1)
    );
    assert_eq!(world.relay().relay_batch().await.unwrap(), 1);
    world.registered(2).await;
    assert_eq!(
        waits(|| QueueError::Unreached("refused".into())).await,
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_relay_wakes_on_commit_and_ends_when_told() {
    let world = World::new();
    let stop = CancellationToken::new();
    let relay = world.woken_relay();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { relay.run(stop).await }
    });
    for n in 1..=250 {
        world.registered(n).await;
    }
    let train = world.queues().train;
    eventually("every job is sent", async || {
        world.queue.bodies(&train).len() == 250
    })
    .await;
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_behind_another_is_sent_as_soon_as_the_other_was_sent() {
    let world = World::new();
    let person = world.registered(7).await;
    let (service, registering) = (world.service(), world.registering());
    let ready = lemon_domain::values::TrainingReady {
        account: person.account,
        service: service.service_type.clone(),
        request_id: None,
    };
    let id = lemon_domain::values::RequestId::new(uuid::Uuid::nil());
    let now = world.clock.now();
    world.store.finish(&ready, id, now).await.unwrap();
    let deleted = registering.delete(person.user, &service).await;
    assert!(deleted.unwrap().is_some());
    world.clock.advance(service.cooldown);
    let again = registering.register(person, &service, None).await;
    again.unwrap();

    let stop = CancellationToken::new();
    // Only the removal of the delete job can wake it.
    let relay = world.woken_relay();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { relay.run(stop).await }
    });
    let (train, delete) = (world.queues().train, world.queues().delete);
    eventually("the training is sent", async || {
        !world.queue.bodies(&train).is_empty()
    })
    .await;
    assert_eq!(users(&world.queue.bodies(&delete)), ["7"]);
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn a_finished_training_becomes_a_notification() {
    let world = World::new();
    let person = world.registered(7).await;
    world.relay().relay_batch().await.unwrap();
    let ready = lemon_domain::values::TrainingReady {
        account: person.account,
        service: world.service().service_type.clone(),
        request_id: None,
    };
    let id = lemon_domain::values::RequestId::new(uuid::Uuid::nil());
    world
        .store
        .finish(&ready, id, world.clock.now())
        .await
        .unwrap();
    world.relay().relay_batch().await.unwrap();
    let bodies = world.queue.bodies(&world.queues().notify);
    let body: Value = serde_json::from_str(&bodies[0]).unwrap();
    assert_eq!(body["message"], "it is ready");
    assert_eq!(body["access_token"], "token-7");
}
