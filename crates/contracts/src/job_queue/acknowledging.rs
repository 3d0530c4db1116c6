//! An acknowledged message never comes again.

use std::time::Duration;

use lemon_domain::ports::{Depth, QueueError, Receipt};

use super::QueueSubject;

/// 5: also after its visibility timeout has passed.
pub async fn an_acknowledged_message_is_never_received_again(subject: QueueSubject) {
    subject.send(&["done"]).await;
    let delivery = subject.next().await;
    subject.ack(&delivery).await;
    subject.time.pass(subject.visibility).await;
    subject.time.pass(Duration::from_secs(1)).await;
    subject.assert_nothing_comes().await;
    subject.await_depth(Depth::default()).await;
}

/// 2, 5: more receipts than a batch has, and one that is not valid.
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

/// 5: a server may accept the earlier receipt, but this has no effect on the later receive.
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

/// 5: the message cannot be extended or retried.
pub async fn a_receipt_has_no_effect_after_its_acknowledgement(subject: QueueSubject) {
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
