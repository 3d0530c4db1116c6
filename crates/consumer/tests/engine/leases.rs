//! Heartbeats, acknowledgements and pauses, by a paused clock.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use lemon_consumer::{Consumer, ConsumerConfig, Outcome, from_fn};
use lemon_domain::values::QueueName;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::double::Double;

const SECOND: Duration = Duration::from_secs(1);

fn jobs() -> QueueName {
    QueueName::parse("jobs").unwrap()
}

/// Counts how many of it live.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn one_of(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_extended_at_half_of_it_and_work_ends_when_it_is_lost() {
    let queue = Arc::new(Double {
        lost: vec!["1".to_owned()],
        ..Double::of(2)
    });
    let working = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&working);
    let handler = from_fn(move |_| {
        let alive = Alive::one_of(&count);
        async move {
            pending::<()>().await;
            drop(alive);
            Outcome::Done
        }
    });
    let _running =
        tokio::spawn(Consumer::new(queue.clone(), jobs(), handler).run(CancellationToken::new()));
    sleep(14 * SECOND).await;
    assert_eq!(working.load(Ordering::Relaxed), 2);
    assert_eq!(*queue.extended.lock().unwrap(), []);
    sleep(2 * SECOND).await;
    assert_eq!(working.load(Ordering::Relaxed), 1);
    sleep(15 * SECOND).await;
    let extended = queue.extended.lock().unwrap();
    let mut receipts: Vec<_> = extended
        .iter()
        .map(|(receipt, _)| receipt.as_str())
        .collect();
    receipts.sort_unstable();
    assert_eq!(receipts, ["0", "0", "1"]);
}

#[tokio::test(start_paused = true)]
async fn acknowledgements_are_sent_in_tens_and_failed_ones_are_retried() {
    let queue = Arc::new(Double::of(40));
    *queue.ack_failures.lock().unwrap() = 3;
    let handler = from_fn(|_| async { Outcome::Done });
    let stop = CancellationToken::new();
    let running = tokio::spawn(Consumer::new(queue.clone(), jobs(), handler).run(stop.clone()));
    sleep(SECOND).await;
    let acknowledged = queue.acknowledged.lock().unwrap().clone();
    let mut receipts: Vec<usize> = acknowledged
        .iter()
        .flatten()
        .map(|receipt| receipt.parse().unwrap())
        .collect();
    receipts.sort_unstable();
    assert_eq!(receipts, (0..40).collect::<Vec<_>>());
    assert!(acknowledged.len() <= 6, "{acknowledged:?}");
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_paused_consumer_receives_nothing() {
    let queue = Arc::new(Double::of(1));
    let seen_bodies = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&seen_bodies);
    let handler = from_fn(move |body| {
        seen.lock().unwrap().push(body);
        async { Outcome::Done }
    });
    let consumer = Consumer::new(queue, jobs(), handler)
        .with_config(ConsumerConfig::default().with_concurrency(1));
    let (control, stop) = (consumer.control(), CancellationToken::new());
    control.pause();
    let running = tokio::spawn(consumer.run(stop.clone()));
    sleep(Duration::from_secs(60 * 60)).await;
    assert!(seen_bodies.lock().unwrap().is_empty());
    control.resume();
    sleep(SECOND).await;
    assert_eq!(*seen_bodies.lock().unwrap(), ["0"]);
    control.pause();
    stop.cancel();
    running.await.unwrap().unwrap();
}
