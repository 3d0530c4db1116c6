//! What a ready message causes, and what is wrong with one.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use lemon_domain::{
    ports::{StoreError, mocks::MockRegistrations},
    values::TaskKind,
};
use serde_json::json;

use super::{Listening, finishing, ready};
use crate::world::{World, finished};

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
    assert_eq!(world.waiting(TaskKind::Notify).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_messages_are_dead_lettered_with_their_reason_and_stop_no_other() {
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
        reasons.contains(&"service_name names no configured service"),
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
    assert_eq!(world.waiting(TaskKind::Delete).await, 1);
    let listening = Listening::start(world.listener());
    world.tell(&ready(person)).await;
    world.all_is_heard().await;
    listening.end().await;
    assert_eq!(world.waiting(TaskKind::Delete).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_of_the_message_or_its_rows_is_dead_lettered_at_once() {
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
async fn a_panic_over_one_delivery_fails_only_that_delivery() {
    let world = World::new();
    let (bad, good) = (world.registered(1).await, world.registered(2).await);
    let mut registrations = MockRegistrations::new();
    // Two expectations: each has a mutex, which a panic poisons.
    registrations
        .expect_finish()
        .withf(move |ready, _, _| ready.account == bad.account)
        .returning(|_, _, _| panic!("on purpose"));
    registrations
        .expect_finish()
        .returning(|_, _, _| Ok(finished()));
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
    assert!(dead[0].body.contains(&ready(bad).to_string()));
    assert_eq!(dead[0].reason, "its handler panicked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corrupt_data_is_dead_lettered_and_stops_no_other_message() {
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
            Ok(finished())
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
