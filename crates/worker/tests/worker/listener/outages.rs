//! A delivery whose store is away is held, or goes back.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use lemon_domain::{
    ports::{JobQueue, StoreError},
    values::TaskKind,
};

use super::{Hanging, Listening, finishing, ready};
use crate::world::{World, eventually, finished};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_is_held_while_the_store_is_unavailable() {
    for fault in [StoreError::Unreached, StoreError::Unavailable] {
        let world = World::new();
        let person = world.registered(1).await;
        let (registrations, calls) = finishing(move |call| match call {
            0..4 => Err(fault("read-only, or the table is away".into())),
            _ => Ok(finished()),
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
    assert_eq!(world.waiting(TaskKind::Notify).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_cannot_be_hidden_longer_is_put_back_as_a_new_message() {
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
