//! The depth of a queue, and queues that do not exist.

use std::time::Duration;

use lemon_domain::{
    ports::{Depth, QueueError},
    values::QueueName,
};

use super::{QueueSubject, outgoing};

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

/// 4, 5, 6: while it waits, is in flight, is delayed, and is removed.
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
