//! A message that was sent is received, and then hidden from others.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use lemon_domain::ports::{MAX_BATCH, MAX_BODY_BYTES};

use super::{DEADLINE, QueueSubject, bodies, consume, outgoing};
use crate::race::race;

/// 1: with its body, as a first attempt.
pub async fn a_sent_message_is_received(subject: QueueSubject) {
    subject.assert_nothing_comes().await;
    subject.send(&["one"]).await;
    let delivery = subject.next().await;
    assert_eq!((delivery.body.as_str(), delivery.attempt), ("one", 1));
    assert!(!delivery.message_id.is_empty());
}

/// 1, 12: each message has an outcome and is received, in any order.
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
pub async fn an_entry_that_fails_does_not_fail_the_others(subject: QueueSubject) {
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

/// 3: it ends after its wait.
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

/// 4: one of several concurrent receives gets it.
pub async fn no_two_consumers_get_one_message(subject: QueueSubject) {
    let texts: Vec<String> = (0..60).map(|n| format!("message {n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    subject.send(&texts).await;
    let received = race(4, |_| {
        let (queue, name) = (Arc::clone(&subject.queue), subject.consumed.clone());
        async move { consume(&*queue, &name).await }
    });
    let mut received: Vec<_> = received.await.into_iter().flatten().collect();
    // A server may answer a receive with nothing even if messages wait.
    received.extend(subject.collect(60 - received.len()).await);
    assert_eq!(bodies(&received), texts.into_iter().collect());
}

/// 4: as the same message, with another receipt.
pub async fn an_unacknowledged_message_is_received_again_with_a_higher_attempt(
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
