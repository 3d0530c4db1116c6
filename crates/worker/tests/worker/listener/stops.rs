//! How the listener ends.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use lemon_consumer::ConsumerError;
use lemon_domain::{
    ports::{Delivery, Receipt, StoreError, mocks::MockJobQueue},
    values::TaskKind,
};
use tokio_util::sync::CancellationToken;

use super::{Hanging, Listening, finishing, identity, ready};
use crate::world::{World, finished};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_that_ends_before_the_stop_ends_the_listener_with_an_error() {
    let receiving = || {
        let mut queue = MockJobQueue::new();
        queue
            .expect_receive()
            .returning(|_, _, _| panic!("on purpose"));
        queue
    };
    let acknowledging = || {
        let mut queue = MockJobQueue::new();
        let delivery = Delivery {
            message_id: "1".to_owned(),
            receipt: Receipt("1".to_owned()),
            body: ready(identity(1)).to_string(),
            attempt: 1,
            trace: None,
        };
        queue
            .expect_receive()
            .returning(move |_, _, _| Ok(vec![delivery.clone()]));
        queue.expect_ack().returning(|_, _| panic!("on purpose"));
        queue
    };
    for queue in [receiving(), acknowledging()] {
        let world = World::new();
        let (registrations, _) = finishing(|_| Ok(finished()));
        let listener = world.listener_of(registrations, Arc::new(queue));
        let ended = tokio::spawn(listener.run(CancellationToken::new()));
        let ended = tokio::time::timeout(Duration::from_secs(60), ended).await;
        let ended = ended.expect("it ends").unwrap();
        assert!(
            matches!(ended, Err(ConsumerError::Panicked(_))),
            "{ended:?}"
        );
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
                Ok(finished())
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_messages_in_flight_at_the_stop_are_acknowledged_or_received_again() {
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
    world.clock.advance(Duration::from_secs(60));
    let listening = Listening::start(world.listener());
    world.all_is_heard().await;
    listening.end().await;
    for person in people {
        assert!(world.is_ready(person).await);
    }
    assert_eq!(world.waiting(TaskKind::Notify).await, 200);
}
