//! Cases of the [`JobQueue`] contract. Each is named for what it shows; the number is the contract's.
//!
//! Time passes as the subject says: at once by a fake clock, truly on a server. Whatever a server does "soon" is
//! awaited by bounded polling.

use std::{
    any::Any,
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use lemon_domain::{
    ports::{Delivery, Depth, JobQueue, MAX_BATCH, MAX_BODY_BYTES, Outgoing, QueueError, Receipt},
    values::QueueName,
};
use uuid::Uuid;

mod limits;

pub use limits::*;

use crate::{fakes::FakeClock, race, services::Link};

/// How long a case waits for what must come.
const DEADLINE: Duration = Duration::from_mins(1);

/// Lets time pass for a queue.
#[async_trait]
pub trait PassTime: Send + Sync {
    /// Returns when this much has passed.
    async fn pass(&self, time: Duration);
}

#[async_trait]
impl PassTime for FakeClock {
    async fn pass(&self, time: Duration) {
        self.advance(time);
    }
}

/// The time of a server, which passes by itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrueTime;

#[async_trait]
impl PassTime for TrueTime {
    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// The line between a queue and its server.
#[async_trait]
pub trait Line: Send + Sync {
    /// Nothing passes, in either direction.
    async fn stall(&self);
    /// What goes to the server passes, and nothing of what it answers.
    async fn lose_answers(&self);
    /// Everything passes again.
    async fn mend(&self);
}

/// A queue without a server has no line either.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLine;

#[async_trait]
impl Line for NoLine {
    async fn stall(&self) {}
    async fn lose_answers(&self) {}
    async fn mend(&self) {}
}

#[async_trait]
impl Line for tokio::sync::Mutex<Link> {
    async fn stall(&self) {
        self.lock().await.stall();
    }

    async fn lose_answers(&self) {
        self.lock().await.lose_answers();
    }

    async fn mend(&self) {
        self.lock().await.mend().await;
    }
}

/// A queue under test.
pub struct QueueSubject {
    /// The port.
    pub queue: Arc<dyn JobQueue>,
    /// A fresh, empty queue with a dead-letter queue and at most five receives.
    pub consumed: QueueName,
    /// Its visibility timeout, at least two seconds.
    pub visibility: Duration,
    /// How its time passes.
    pub time: Arc<dyn PassTime>,
    /// The line to its server.
    pub line: Arc<dyn Line>,
    /// What must live as long as the port.
    pub guard: Box<dyn Any + Send + Sync>,
}

/// Emits the cases of the `JobQueue` contract. `$subject` is an async function without arguments that answers a fresh
/// `QueueSubject`.
#[macro_export]
macro_rules! job_queue_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::suites::job_queue,
            $subject,
            [
                what_was_sent_is_received,
                any_number_of_messages_is_sent_in_one_call,
                an_entry_that_fails_takes_no_other_along,
                no_more_messages_are_received_than_asked_for,
                a_waiting_receive_returns_when_a_message_comes,
                a_receive_ends_when_nothing_comes,
                a_received_message_is_hidden,
                no_two_consumers_get_one_message,
                an_unacknowledged_message_comes_again_with_its_attempts_counted,
                an_acknowledged_message_never_comes_again,
                receipts_are_acknowledged_one_by_one,
                an_earlier_receipt_does_not_disturb_a_later_receive,
                a_receipt_is_worth_nothing_once_acknowledged,
                a_retried_message_comes_at_once_without_a_delay,
                a_retried_message_comes_after_its_delay_and_not_before,
                an_extended_message_stays_hidden_for_that_long,
                a_dead_lettered_message_is_counted_and_not_received_again,
                a_message_is_dead_after_five_receives,
                a_message_acknowledged_at_its_fifth_receive_is_not_dead,
                a_body_comes_out_as_it_went_in,
                a_body_may_be_as_large_as_the_limit,
                a_larger_body_is_refused,
                a_queue_that_does_not_exist_is_named,
                the_depth_follows_a_message,
                a_text_that_not_every_queue_takes_is_refused,
                an_extension_beyond_twelve_hours_is_refused_or_taken,
                an_extension_by_an_earlier_receipt_does_not_disturb_a_later_receive,
                calls_may_be_repeated,
                a_dropped_receive_loses_nothing,
                a_message_whose_answer_is_lost_is_sent_once,
                every_call_ends_while_the_server_is_silent,
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

/// 1: with its body, as a first attempt.
pub async fn what_was_sent_is_received(subject: QueueSubject) {
    subject.assert_nothing_comes().await;
    subject.send(&["one"]).await;
    let delivery = subject.next().await;
    assert_eq!((delivery.body.as_str(), delivery.attempt), ("one", 1));
    assert!(!delivery.message_id.is_empty());
}

/// 1, 12: an outcome for each, and each is received, in whatever order.
pub async fn any_number_of_messages_is_sent_in_one_call(subject: QueueSubject) {
    let texts: Vec<String> = (0..25).map(|n| format!("message {n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let outcomes = subject
        .queue
        .send(&subject.consumed, outgoing(&texts))
        .await;
    assert_eq!(outcomes.len(), 25);
    assert!(outcomes.iter().all(Result::is_ok));
    let deliveries = subject.collect(25).await;
    assert_eq!(bodies(&deliveries), texts.into_iter().collect());
    let ids: BTreeSet<_> = deliveries.iter().map(|d| &d.message_id).collect();
    assert_eq!(ids.len(), 25);
    assert_eq!(subject.queue.send(&subject.consumed, vec![]).await.len(), 0);
}

/// 1, 2: outcomes are in the order given.
pub async fn an_entry_that_fails_takes_no_other_along(subject: QueueSubject) {
    let large = "x".repeat(MAX_BODY_BYTES + 1);
    let mut texts = vec!["before", &large];
    texts.extend(["after"; 12]);
    let outcomes = subject
        .queue
        .send(&subject.consumed, outgoing(&texts))
        .await;
    let refused: Vec<_> = outcomes.iter().map(Result::is_err).collect();
    let expected: Vec<_> = (0..14).map(|index| index == 1).collect();
    assert_eq!(refused, expected);
    let deliveries = subject.collect(13).await;
    assert_eq!(bodies(&deliveries), BTreeSet::from(["before", "after"]));
    subject.assert_nothing_comes().await;
}

/// 3: at most `max`, which is at most ten.
pub async fn no_more_messages_are_received_than_asked_for(subject: QueueSubject) {
    subject.send(&["m"; 15]).await;
    let mut received = 0;
    for max in [1, 3, MAX_BATCH] {
        let deliveries = subject.receive(max, Duration::from_secs(1)).await;
        assert!(deliveries.len() <= max);
        received += deliveries.len();
    }
    subject.collect(15 - received).await;
    subject.assert_nothing_comes().await;
}

/// 3: long before the wait is over.
pub async fn a_waiting_receive_returns_when_a_message_comes(subject: QueueSubject) {
    let (queue, name) = (Arc::clone(&subject.queue), subject.consumed.clone());
    let wait = Duration::from_secs(20);
    let started = Instant::now();
    let waiting = tokio::spawn(async move { queue.receive(&name, 1, wait).await.unwrap() });
    assert!(subject.receive(1, Duration::ZERO).await.is_empty());
    subject.send(&["late"]).await;
    let deliveries = waiting.await.unwrap();
    assert_eq!(bodies(&deliveries), BTreeSet::from(["late"]));
    assert!(started.elapsed() < wait);
}

/// 3: it does not wait for ever.
pub async fn a_receive_ends_when_nothing_comes(subject: QueueSubject) {
    let received = subject.receive(1, Duration::from_secs(1));
    let deliveries = tokio::time::timeout(DEADLINE, received).await;
    assert_eq!(deliveries.expect("the receive ends"), []);
}

/// 4: while its visibility timeout runs.
pub async fn a_received_message_is_hidden(subject: QueueSubject) {
    subject.send(&["hidden"]).await;
    let delivery = subject.next().await;
    subject.assert_nothing_comes().await;
    subject.ack(&delivery).await;
}

/// 4: of several at once, one has it.
pub async fn no_two_consumers_get_one_message(subject: QueueSubject) {
    let texts: Vec<String> = (0..60).map(|n| format!("message {n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    subject.send(&texts).await;
    let received = race(4, |_| {
        let (queue, name) = (Arc::clone(&subject.queue), subject.consumed.clone());
        async move { consume(&*queue, &name).await }
    });
    let mut received: Vec<_> = received.await.into_iter().flatten().collect();
    // A server may answer an empty receive though messages wait.
    received.extend(subject.collect(60 - received.len()).await);
    assert_eq!(bodies(&received), texts.into_iter().collect());
}

/// 4: as the same message, with another receipt.
pub async fn an_unacknowledged_message_comes_again_with_its_attempts_counted(
    subject: QueueSubject,
) {
    subject.send(&["again"]).await;
    let mut before = subject.next().await;
    for attempt in 2..=3 {
        subject.time.pass(subject.visibility).await;
        let again = subject.next().await;
        assert_eq!((again.body.as_str(), again.attempt), ("again", attempt));
        assert_eq!(again.message_id, before.message_id);
        assert_ne!(again.receipt, before.receipt);
        before = again;
    }
}

/// 5: not after its visibility timeout either.
pub async fn an_acknowledged_message_never_comes_again(subject: QueueSubject) {
    subject.send(&["done"]).await;
    let delivery = subject.next().await;
    subject.ack(&delivery).await;
    subject.time.pass(subject.visibility).await;
    subject.time.pass(Duration::from_secs(1)).await;
    subject.assert_nothing_comes().await;
    subject.await_depth(Depth::default()).await;
}

/// 2, 5: more than a batch of them, and one that is none.
pub async fn receipts_are_acknowledged_one_by_one(subject: QueueSubject) {
    subject.send(&["m"; 12]).await;
    let deliveries = subject.collect(12).await;
    let mut receipts: Vec<_> = deliveries.into_iter().map(|d| d.receipt).collect();
    receipts.insert(3, Receipt("no such receipt".to_owned()));
    let outcomes = subject.queue.ack(&subject.consumed, &receipts).await;
    let refused: Vec<_> = outcomes.iter().map(Result::is_err).collect();
    let expected: Vec<_> = (0..13).map(|index| index == 3).collect();
    assert_eq!(refused, expected);
    subject.await_depth(Depth::default()).await;
}

/// 5: a server may take the earlier receipt silently; the later holder notices nothing.
pub async fn an_earlier_receipt_does_not_disturb_a_later_receive(subject: QueueSubject) {
    subject.send(&["shared"]).await;
    let earlier = subject.next().await;
    subject.time.pass(subject.visibility).await;
    let later = subject.next().await;
    let receipts = [earlier.receipt];
    let outcomes = subject.queue.ack(&subject.consumed, &receipts).await;
    assert_eq!(outcomes.len(), 1);
    assert!(matches!(
        outcomes[0],
        Ok(()) | Err(QueueError::StaleReceipt)
    ));
    subject.ack(&later).await;
    subject.await_depth(Depth::default()).await;
}

/// 5: there is nothing left to extend or retry.
pub async fn a_receipt_is_worth_nothing_once_acknowledged(subject: QueueSubject) {
    subject.send(&["done"]).await;
    let receipt = subject.next().await.receipt;
    let (queue, name) = (&subject.queue, &subject.consumed);
    for outcome in queue.ack(name, std::slice::from_ref(&receipt)).await {
        outcome.unwrap();
    }
    let extended = queue.extend(name, &receipt, subject.visibility).await;
    assert!(matches!(extended, Err(QueueError::StaleReceipt)));
    let retried = queue.retry_after(name, &receipt, Duration::ZERO).await;
    assert!(matches!(retried, Err(QueueError::StaleReceipt)));
}

/// 6: zero is at once.
pub async fn a_retried_message_comes_at_once_without_a_delay(subject: QueueSubject) {
    subject.send(&["again"]).await;
    let delivery = subject.next().await;
    subject.retry_after(&delivery, Duration::ZERO).await;
    let again = subject.next().await;
    assert_eq!((again.body.as_str(), again.attempt), ("again", 2));
    assert_eq!(again.message_id, delivery.message_id);
}

/// 6: also when the delay is longer than the visibility timeout.
pub async fn a_retried_message_comes_after_its_delay_and_not_before(subject: QueueSubject) {
    subject.send(&["later"]).await;
    let delivery = subject.next().await;
    subject.retry_after(&delivery, subject.visibility * 3).await;
    subject.time.pass(subject.visibility).await;
    subject.assert_nothing_comes().await;
    subject.time.pass(subject.visibility * 2).await;
    let again = subject.next().await;
    assert_eq!((again.body.as_str(), again.attempt), ("later", 2));
}

/// 7: from now, not from the receive.
pub async fn an_extended_message_stays_hidden_for_that_long(subject: QueueSubject) {
    subject.send(&["slow"]).await;
    let delivery = subject.next().await;
    let extension = subject.visibility * 3;
    let (queue, name) = (&subject.queue, &subject.consumed);
    let extended = queue.extend(name, &delivery.receipt, extension).await;
    extended.unwrap();
    subject.time.pass(subject.visibility).await;
    subject.assert_nothing_comes().await;
    let extended = queue.extend(name, &delivery.receipt, extension).await;
    extended.unwrap();
    subject.time.pass(subject.visibility * 2).await;
    subject.assert_nothing_comes().await;
    subject.time.pass(subject.visibility).await;
    assert_eq!(subject.next().await.attempt, 2);
}

/// 8: at once and for good.
pub async fn a_dead_lettered_message_is_counted_and_not_received_again(subject: QueueSubject) {
    subject.send(&["poison", "sound"]).await;
    let deliveries = subject.collect(2).await;
    let (poison, sound): (Vec<_>, Vec<_>) =
        deliveries.into_iter().partition(|d| d.body == "poison");
    let dead = subject
        .queue
        .dead_letter(&subject.consumed, &poison[0], "not JSON");
    dead.await.unwrap();
    subject.ack(&sound[0]).await;
    let expected = Depth {
        dead: 1,
        ..Depth::default()
    };
    subject.await_depth(expected).await;
    subject.time.pass(subject.visibility).await;
    subject.time.pass(Duration::from_secs(1)).await;
    subject.assert_nothing_comes().await;
    subject.await_depth(expected).await;
}

/// 9: the sixth time it is not received; other messages are.
pub async fn a_message_is_dead_after_five_receives(subject: QueueSubject) {
    subject.send(&["poison"]).await;
    for attempt in 1..=5 {
        let delivery = subject.next().await;
        assert_eq!(delivery.attempt, attempt);
        subject.retry_after(&delivery, Duration::ZERO).await;
    }
    subject.send(&["sound"]).await;
    let sound = subject.next().await;
    assert_eq!((sound.body.as_str(), sound.attempt), ("sound", 1));
    subject.ack(&sound).await;
    subject.assert_nothing_comes().await;
    let expected = Depth {
        dead: 1,
        ..Depth::default()
    };
    subject.await_depth(expected).await;
}

/// 5, 9: five receives are allowed.
pub async fn a_message_acknowledged_at_its_fifth_receive_is_not_dead(subject: QueueSubject) {
    subject.send(&["hard"]).await;
    for _ in 1..=4 {
        let delivery = subject.next().await;
        subject.retry_after(&delivery, Duration::ZERO).await;
    }
    let fifth = subject.next().await;
    assert_eq!(fifth.attempt, 5);
    subject.ack(&fifth).await;
    subject.assert_nothing_comes().await;
    subject.await_depth(Depth::default()).await;
}

/// 10: every script, quotes, line ends and blanks at both ends.
pub async fn a_body_comes_out_as_it_went_in(subject: QueueSubject) {
    let texts = [
        r#"{"finished":"spring_request_delete","user_id":"42"}"#,
        "  레몬 🍋 \u{FFFD} \u{10FFFF} \t\r\n'\"\\&<>% ",
        "x",
        "null",
    ];
    subject.send(&texts).await;
    let deliveries = subject.collect(texts.len()).await;
    assert_eq!(bodies(&deliveries), BTreeSet::from(texts));
}

/// 10: 1 MiB, counted in bytes.
pub async fn a_body_may_be_as_large_as_the_limit(subject: QueueSubject) {
    let mut text = "레".repeat(MAX_BODY_BYTES / 3);
    text.push_str(&"x".repeat(MAX_BODY_BYTES - text.len()));
    subject.send(&[&text]).await;
    let delivery = subject.next().await;
    assert!(delivery.body == text, "the body is another");
}

/// 10: by a byte, though it has fewer characters.
pub async fn a_larger_body_is_refused(subject: QueueSubject) {
    let text = format!("{}é", "x".repeat(MAX_BODY_BYTES - 1));
    let mut outcomes = subject
        .queue
        .send(&subject.consumed, outgoing(&[&text]))
        .await;
    assert_eq!(outcomes.len(), 1);
    let Some(Err(QueueError::TooLarge { bytes, max })) = outcomes.pop() else {
        panic!("the body was taken, or refused for another reason");
    };
    assert_eq!((bytes, max), (MAX_BODY_BYTES + 1, MAX_BODY_BYTES));
    subject.assert_nothing_comes().await;
}

/// 11: by every call.
pub async fn a_queue_that_does_not_exist_is_named(subject: QueueSubject) {
    subject.send(&["elsewhere"]).await;
    let delivery = subject.next().await;
    let (queue, nowhere) = (&subject.queue, QueueName::parse("NoSuchQueue").unwrap());
    let receipt = &delivery.receipt;
    let receipts = [receipt.clone(), receipt.clone()];
    let mut outcomes = queue.send(&nowhere, outgoing(&["a", "b"])).await;
    outcomes.extend(queue.ack(&nowhere, &receipts).await);
    assert_eq!(outcomes.len(), 4);
    outcomes.extend([
        queue.receive(&nowhere, 1, Duration::ZERO).await.map(drop),
        queue.retry_after(&nowhere, receipt, Duration::ZERO).await,
        queue.extend(&nowhere, receipt, subject.visibility).await,
        queue.dead_letter(&nowhere, &delivery, "no reason").await,
        queue.depth(&nowhere).await.map(drop),
    ]);
    for outcome in outcomes {
        let Err(QueueError::NoSuchQueue(name)) = outcome else {
            panic!("the queue is not missed: {outcome:?}");
        };
        assert_eq!(name, "NoSuchQueue");
    }
    subject.ack(&delivery).await;
}

/// 4, 5, 6: waiting, in flight, kept back, gone.
pub async fn the_depth_follows_a_message(subject: QueueSubject) {
    let depth = |waiting, in_flight| Depth {
        waiting,
        in_flight,
        dead: 0,
    };
    subject.await_depth(depth(0, 0)).await;
    subject.send(&["a", "b", "c"]).await;
    subject.await_depth(depth(3, 0)).await;
    let first = subject.next().await;
    subject.await_depth(depth(2, 1)).await;
    subject.retry_after(&first, subject.visibility * 100).await;
    subject.await_depth(depth(2, 1)).await;
    for delivery in subject.collect(2).await {
        subject.ack(&delivery).await;
    }
    subject.await_depth(depth(0, 1)).await;
}
