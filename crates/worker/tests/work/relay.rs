use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use lemon_domain::{
    ports::{
        Clock, Delivery, Depth, JobQueue, Outbox, Outgoing, QueueError, Receipt, Registrations,
    },
    values::QueueName,
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::world::{World, eventually};

mockall::mock! {
    pub(crate) Queue {}

    #[async_trait]
    impl JobQueue for Queue {
        async fn send(
            &self,
            queue: &QueueName,
            messages: Vec<Outgoing>,
        ) -> Vec<Result<(), QueueError>>;
        async fn receive(
            &self,
            queue: &QueueName,
            max: usize,
            wait: Duration,
        ) -> Result<Vec<Delivery>, QueueError>;
        async fn ack(
            &self,
            queue: &QueueName,
            receipts: &[Receipt],
        ) -> Vec<Result<(), QueueError>>;
        async fn retry_after(
            &self,
            queue: &QueueName,
            receipt: &Receipt,
            delay: Duration,
        ) -> Result<(), QueueError>;
        async fn extend(
            &self,
            queue: &QueueName,
            receipt: &Receipt,
            visibility: Duration,
        ) -> Result<(), QueueError>;
        async fn dead_letter(
            &self,
            queue: &QueueName,
            delivery: &Delivery,
            reason: &str,
        ) -> Result<(), QueueError>;
        async fn depth(&self, queue: &QueueName) -> Result<Depth, QueueError>;
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
async fn what_one_entry_fails_with_does_not_hold_the_others() {
    let world = World::new();
    for n in 1..=3 {
        world.registered(n).await;
    }
    let mut queue = MockQueue::new();
    queue.expect_send().once().returning(|_, messages| {
        let fails = |n| (n == 1).then(|| QueueError::Unavailable("throttled".into()));
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
async fn a_refused_job_waits_longer_each_time_and_is_never_thrown_away() {
    let world = World::new();
    world.registered(1).await;
    let mut queue = MockQueue::new();
    queue.expect_send().times(20).returning(|_, messages| {
        let refused = |_| Err(QueueError::Rejected("no".into()));
        messages.iter().map(refused).collect()
    });
    let relay = world.relay_to(Arc::new(queue));
    for _ in 0..20 {
        assert_eq!(relay.relay_batch().await.unwrap(), 1);
        assert_eq!(relay.relay_batch().await.unwrap(), 0, "it waits");
        world.clock.advance(relay.config.backoff.1);
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
        .claim(10, relay.config.lease, world.clock.now())
        .await
        .unwrap();
    world.clock.advance(relay.config.lease);
    relay.relay_batch().await.unwrap();
    let body: Value = serde_json::from_str(&world.queue.bodies(&world.queues().train)[0]).unwrap();
    assert_eq!(body["request_id"], claimed[0].request_id.to_string());
}

#[tokio::test]
async fn what_was_claimed_too_long_ago_is_left_to_whoever_claims_it_next() {
    let world = World::new();
    let gone = world.registered(1).await;
    let service = world.service();
    let deleted = world.registering().delete(gone.user, &service).await;
    assert!(deleted.unwrap());
    world.registered(2).await;
    let mut slow = MockQueue::new();
    let clock = world.clock.clone();
    // The queue of delete jobs comes first, and takes half the lease.
    slow.expect_send().once().returning(move |queue, messages| {
        assert_eq!(queue.as_str(), "delete");
        clock.advance(Duration::from_secs(15));
        messages.iter().map(|_| Ok(())).collect()
    });
    let relay = world.relay_to(Arc::new(slow));
    assert_eq!(relay.relay_batch().await.unwrap(), 2);
    assert_eq!(backlog(&world).await, 1);
    world.clock.advance(Duration::from_secs(15));
    assert_eq!(world.relay().relay_batch().await.unwrap(), 1);
    assert_eq!(users(&world.queue.bodies(&world.queues().train)), ["2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_wakes_on_commit_and_ends_when_told() {
    let world = World::new();
    let stop = CancellationToken::new();
    let mut relay = world.relay();
    // So that only the signal can wake it.
    relay.config.poll = Duration::from_hours(1);
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
