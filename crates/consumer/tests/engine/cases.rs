//! What holds on every queue.

use std::{
    collections::BTreeSet,
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use lemon_consumer::{
    Consumer, ConsumerConfig, ConsumerError, Control, Handler, Malformed, Outcome, from_fn,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::subjects::{Subject, eventually};

macro_rules! cases {
    ($($queue:ident)+, $cases:tt) => {
        $(mod $queue { cases!(@each $queue $cases); })+
    };
    (@each $queue:ident [$($case:ident),+ $(,)?]) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(crate::subjects::$queue().await).await;
            }
        )+
    };
}

cases!(fake embedded sqs, [
    every_message_is_handled_and_acknowledged,
    a_malformed_body_is_dead_lettered_and_stops_nobody,
    a_panic_is_a_failure_of_its_delivery_alone,
    a_failing_message_is_retried_and_dead_lettered_after_its_last_receive,
    stops_spend_none_of_a_messages_receives,
    a_message_in_flight_at_the_stop_may_be_handled_within_the_grace,
]);

/// A consumer at work.
struct Running {
    stop: CancellationToken,
    task: JoinHandle<Result<(), ConsumerError>>,
    control: Control,
}

impl Running {
    fn start<H: Handler>(subject: &Subject, handler: H, config: ConsumerConfig) -> Self {
        let (queue, stop) = (Arc::clone(&subject.queue), CancellationToken::new());
        let consumer = Consumer::new(queue, subject.name.clone(), handler).with_config(config);
        Self {
            control: consumer.control(),
            task: tokio::spawn(consumer.run(stop.clone())),
            stop,
        }
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }
}

/// Retries at once, and drains on any machine.
fn config() -> ConsumerConfig {
    ConsumerConfig::default()
        .with_wait(Duration::from_millis(200))
        .with_backoff(Duration::ZERO, Duration::ZERO)
        .with_drain(Duration::from_secs(2 * 60))
}

#[derive(Default)]
struct Numbers(Mutex<BTreeSet<u32>>);

#[async_trait]
impl Handler for Numbers {
    type Message = u32;

    fn decode(&self, body: &str) -> Result<u32, Malformed> {
        body.parse().map_err(|_| Malformed::new("no number"))
    }

    async fn handle(&self, number: &u32) -> Outcome {
        self.0.lock().unwrap().insert(*number);
        Outcome::Done
    }
}

async fn every_message_is_handled_and_acknowledged(subject: Subject) {
    let numbers = Arc::new(Numbers::default());
    for n in 0..50 {
        subject.send(&n.to_string()).await;
    }
    let running = Running::start(&subject, Arc::clone(&numbers), config());
    assert!(!running.control.is_paused());
    subject.is_consumed(0).await;
    running.end().await;
    assert_eq!(*numbers.0.lock().unwrap(), (0..50).collect());
}

async fn a_malformed_body_is_dead_lettered_and_stops_nobody(subject: Subject) {
    let numbers = Arc::new(Numbers::default());
    for body in ["one", "2", "three", "4"] {
        subject.send(body).await;
    }
    let running = Running::start(&subject, Arc::clone(&numbers), config());
    subject.is_consumed(2).await;
    running.end().await;
    assert_eq!(*numbers.0.lock().unwrap(), [2, 4].into());
}

async fn a_panic_is_a_failure_of_its_delivery_alone(subject: Subject) {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let handler = from_fn(move |body| {
        let is_bad = body == "bad";
        counted.fetch_add(usize::from(is_bad), Ordering::Relaxed);
        assert!(!is_bad, "on purpose");
        async { Outcome::Done }
    });
    for body in ["bad", "good", "good"] {
        subject.send(body).await;
    }
    let running = Running::start(&subject, handler, config());
    // Not after its visibility timeout, which here never ends, but by its backoff.
    subject.is_consumed(1).await;
    running.end().await;
    assert_eq!(tries.load(Ordering::Relaxed), 5);
}

async fn a_failing_message_is_retried_and_dead_lettered_after_its_last_receive(subject: Subject) {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let handler = from_fn(move |body| {
        let outcome = match body.as_str() {
            "never" => Outcome::dead_letter("it never will"),
            _ if counted.fetch_add(1, Ordering::Relaxed) < 3 => {
                Outcome::retry_after(Duration::ZERO, "not yet")
            }
            "late" => Outcome::Done,
            _ => Outcome::retry("not yet"),
        };
        async { outcome }
    });
    subject.send("never").await;
    subject.send("late").await;
    let running = Running::start(&subject, handler, config());
    subject.is_consumed(1).await;
    assert_eq!(tries.load(Ordering::Relaxed), 4);
    subject.send("in vain").await;
    subject.is_consumed(2).await;
    running.end().await;
    assert_eq!(tries.load(Ordering::Relaxed), 9);
}

async fn stops_spend_none_of_a_messages_receives(subject: Subject) {
    subject.send("job").await;
    for _ in 0..6 {
        let begun = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&begun);
        let handler = from_fn(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            pending()
        });
        let running = Running::start(&subject, handler, config().with_grace(Duration::ZERO));
        eventually("it is handled", async || begun.load(Ordering::Relaxed) > 0).await;
        running.end().await;
    }
    let running = Running::start(&subject, from_fn(|_| async { Outcome::Done }), config());
    subject.is_consumed(0).await;
    running.end().await;
}

async fn a_message_in_flight_at_the_stop_may_be_handled_within_the_grace(subject: Subject) {
    let (begun, goes_on) = (CancellationToken::new(), CancellationToken::new());
    let tokens = (begun.clone(), goes_on.clone());
    let handler = from_fn(move |_| {
        let (begun, goes_on) = tokens.clone();
        async move {
            begun.cancel();
            goes_on.cancelled().await;
            Outcome::Done
        }
    });
    subject.send("job").await;
    let running = Running::start(
        &subject,
        handler,
        config().with_grace(Duration::from_secs(60)),
    );
    begun.cancelled().await;
    running.stop.cancel();
    goes_on.cancel();
    running.end().await;
    subject.is_consumed(0).await;
}
