//! Cases of the [`JobQueue`] contract. Each name says what the case shows; the number is the contract's.
//!
//! The subject says how time passes: at once with a fake clock, really on a server. Bounded polling waits for what a
//! server does "soon".

mod acknowledging;
mod bodies;
mod dead_letters;
mod depth;
mod limits;
mod receiving;
mod retrying;
mod traced;

pub use acknowledging::*;
pub use bodies::*;
pub use dead_letters::*;
pub use depth::*;
pub use limits::*;
pub use receiving::*;
pub use retrying::*;
pub use traced::*;

use std::{
    any::Any,
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use lemon_domain::{
    ports::{Delivery, Depth, JobQueue, MAX_BATCH, Outgoing},
    values::QueueName,
};
use uuid::Uuid;

/// How long a case waits for something that must happen.
const DEADLINE: Duration = Duration::from_secs(60);

/// Lets time pass for a queue. A function that moves a clock does so at once.
#[async_trait]
pub trait PassTime: Send + Sync {
    /// Returns when this time has passed.
    async fn pass(&self, time: Duration);
}

#[async_trait]
impl<F: Fn(Duration) + Send + Sync> PassTime for F {
    async fn pass(&self, time: Duration) {
        self(time);
    }
}

/// The real time of a server.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrueTime;

#[async_trait]
impl PassTime for TrueTime {
    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// The network link between a queue and its server.
#[async_trait]
pub trait NetworkLink: Send + Sync {
    /// Nothing passes, in either direction.
    async fn stall(&self);
    /// Requests reach the server, but its answers are lost.
    async fn lose_answers(&self);
    /// Everything passes again.
    async fn mend(&self);
}

/// No link: a queue without a server.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLink;

#[async_trait]
impl NetworkLink for NoLink {
    async fn stall(&self) {}
    async fn lose_answers(&self) {}
    async fn mend(&self) {}
}

/// A queue under test.
pub struct QueueSubject {
    /// The port.
    pub queue: Arc<dyn JobQueue>,
    /// A fresh, empty queue with a dead-letter queue and at most five receives.
    pub consumed: QueueName,
    /// Its visibility timeout, at least two seconds.
    pub visibility: Duration,
    /// Lets its time pass.
    pub time: Arc<dyn PassTime>,
    /// The link to its server.
    pub line: Arc<dyn NetworkLink>,
    /// A guard that must live as long as the port.
    pub guard: Box<dyn Any + Send + Sync>,
}

/// Emits the cases of the `JobQueue` contract. `$subject` is an async function without arguments that answers a fresh
/// `QueueSubject`.
#[macro_export]
macro_rules! job_queue_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::job_queue,
            $subject,
            [
                a_sent_message_is_received,
                any_number_of_messages_is_sent_in_one_call,
                an_entry_that_fails_does_not_fail_the_others,
                no_more_messages_are_received_than_asked_for,
                a_waiting_receive_returns_when_a_message_comes,
                a_receive_ends_when_nothing_comes,
                a_received_message_is_hidden,
                no_two_consumers_get_one_message,
                an_unacknowledged_message_is_received_again_with_a_higher_attempt,
                an_acknowledged_message_is_never_received_again,
                receipts_are_acknowledged_one_by_one,
                an_earlier_receipt_does_not_disturb_a_later_receive,
                a_receipt_has_no_effect_after_its_acknowledgement,
                a_message_retried_without_a_delay_is_received_at_once,
                a_retried_message_is_received_after_its_delay_and_not_before,
                an_extended_message_stays_hidden_for_that_long,
                a_dead_lettered_message_is_counted_and_not_received_again,
                a_message_is_dead_lettered_after_five_receives,
                a_message_acknowledged_at_its_fifth_receive_is_not_dead_lettered,
                a_body_is_received_exactly_as_it_was_sent,
                a_body_may_be_as_large_as_the_limit,
                a_larger_body_is_refused,
                a_queue_that_does_not_exist_is_named,
                the_depth_follows_a_message,
                a_text_that_some_queue_does_not_accept_is_refused,
                an_extension_beyond_twelve_hours_is_refused_or_accepted,
                an_extension_by_an_earlier_receipt_does_not_disturb_a_later_receive,
                calls_may_be_repeated,
                a_dropped_receive_loses_nothing,
                a_message_whose_answer_is_lost_is_sent_once,
                every_call_ends_while_the_server_is_silent,
                each_receive_has_the_trace_context_that_was_sent,
                the_largest_body_is_received_whatever_its_trace,
            ]
        );
    };
}

impl QueueSubject {
    async fn send(&self, bodies: &[&str]) {
        for outcome in self.queue.send(&self.consumed, outgoing(bodies)).await {
            outcome.unwrap();
        }
    }

    async fn receive(&self, max: usize, wait: Duration) -> Vec<Delivery> {
        self.queue.receive(&self.consumed, max, wait).await.unwrap()
    }

    /// The next message, however long the queue takes to show it.
    async fn next(&self) -> Delivery {
        let mut deliveries = self.collect(1).await;
        deliveries.remove(0)
    }

    /// The next messages.
    async fn collect(&self, count: usize) -> Vec<Delivery> {
        let started = Instant::now();
        let mut deliveries = Vec::new();
        while deliveries.len() < count {
            let (seen, waited) = (deliveries.len(), started.elapsed());
            assert!(waited < DEADLINE, "{seen} of {count} messages came");
            let max = MAX_BATCH.min(count - seen);
            deliveries.extend(self.receive(max, Duration::from_secs(1)).await);
        }
        deliveries
    }

    async fn assert_nothing_comes(&self) {
        assert_eq!(self.receive(MAX_BATCH, Duration::ZERO).await, []);
    }

    async fn ack(&self, delivery: &Delivery) {
        let receipts = std::slice::from_ref(&delivery.receipt);
        for outcome in self.queue.ack(&self.consumed, receipts).await {
            outcome.unwrap();
        }
    }

    async fn retry_after(&self, delivery: &Delivery, delay: Duration) {
        let retried = self
            .queue
            .retry_after(&self.consumed, &delivery.receipt, delay);
        retried.await.unwrap();
    }

    async fn await_depth(&self, expected: Depth) {
        let started = Instant::now();
        loop {
            let depth = self.queue.depth(&self.consumed).await.unwrap();
            if depth == expected {
                return;
            }
            let waited = started.elapsed();
            assert!(waited < DEADLINE, "{depth:?} does not become {expected:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn outgoing(bodies: &[&str]) -> Vec<Outgoing> {
    let entries = (1..).zip(bodies).map(|(number, body)| Outgoing {
        id: Uuid::from_u128(number),
        body: (*body).to_owned(),
        trace: None,
    });
    entries.collect()
}

fn bodies(deliveries: &[Delivery]) -> BTreeSet<&str> {
    deliveries.iter().map(|d| d.body.as_str()).collect()
}

/// Receives and acknowledges until nothing comes.
async fn consume(queue: &dyn JobQueue, name: &QueueName) -> Vec<Delivery> {
    let mut received = Vec::new();
    loop {
        let wait = Duration::from_millis(500);
        let deliveries = queue.receive(name, 4, wait).await.unwrap();
        if deliveries.is_empty() {
            return received;
        }
        let receipts: Vec<_> = deliveries.iter().map(|d| d.receipt.clone()).collect();
        for outcome in queue.ack(name, &receipts).await {
            outcome.unwrap();
        }
        received.extend(deliveries);
    }
}
