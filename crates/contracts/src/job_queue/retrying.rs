//! A message comes again when its holder says so.

use std::time::Duration;

use super::QueueSubject;

/// 6: a delay of zero.
pub async fn a_message_retried_without_a_delay_is_received_at_once(subject: QueueSubject) {
    subject.send(&["again"]).await;
    let delivery = subject.next().await;
    subject.retry_after(&delivery, Duration::ZERO).await;
    let again = subject.next().await;
    assert_eq!((again.body.as_str(), again.attempt), ("again", 2));
    assert_eq!(again.message_id, delivery.message_id);
}

/// 6: also when the delay is longer than the visibility timeout.
pub async fn a_retried_message_is_received_after_its_delay_and_not_before(subject: QueueSubject) {
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
