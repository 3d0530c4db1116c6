//! The texts that a queue refuses, the calls that may be repeated and dropped, and the end of calls when the server
//! does not answer.

use std::time::Duration;

use lemon_domain::ports::{Depth, JobQueue, MAX_BATCH, MAX_DELAY, QueueError};
use tokio::time::timeout;

use super::{DEADLINE, QueueSubject, outgoing};

/// 2, 10: every adapter refuses it, and the other messages of the call are sent.
pub async fn a_text_that_some_queue_does_not_accept_is_refused(subject: QueueSubject) {
    let texts = [
        "before", "", "a\0b", "\u{8}", "\u{b}", "\u{c}", "\u{e}", "\u{1f}", "\u{fffe}", "\u{ffff}",
        "after",
    ];
    let sent = subject.queue.send(&subject.consumed, outgoing(&texts));
    for (text, outcome) in texts.iter().zip(sent.await) {
        match outcome {
            Ok(()) => assert!(["before", "after"].contains(text), "{text:?} is taken"),
            Err(QueueError::Rejected(_)) => {}
            Err(error) => panic!("{text:?}: {error:?}"),
        }
    }
    subject.collect(2).await;
    subject.assert_nothing_comes().await;
}

/// 7: in both cases the message stays hidden for the rest of its visibility timeout.
pub async fn an_extension_beyond_twelve_hours_is_refused_or_accepted(subject: QueueSubject) {
    subject.send(&["long"]).await;
    let delivery = subject.next().await;
    let beyond = MAX_DELAY + Duration::from_secs(1);
    let extended = subject
        .queue
        .extend(&subject.consumed, &delivery.receipt, beyond);
    let extended = extended.await;
    assert!(
        matches!(extended, Ok(()) | Err(QueueError::Rejected(_))),
        "{extended:?}"
    );
    subject.assert_nothing_comes().await;
    subject.ack(&delivery).await;
    subject.await_depth(Depth::default()).await;
}

/// 7: whether the queue accepts the extension or not.
pub async fn an_extension_by_an_earlier_receipt_does_not_disturb_a_later_receive(
    subject: QueueSubject,
) {
    subject.send(&["shared"]).await;
    let earlier = subject.next().await;
    subject.time.pass(subject.visibility).await;
    let later = subject.next().await;
    let (queue, name) = (&subject.queue, &subject.consumed);
    let extended = queue.extend(name, &earlier.receipt, subject.visibility);
    let extended = extended.await;
    assert!(
        matches!(extended, Ok(()) | Err(QueueError::StaleReceipt)),
        "{extended:?}"
    );
    let extended = queue.extend(name, &later.receipt, subject.visibility);
    extended.await.unwrap();
    subject.ack(&later).await;
    subject.await_depth(Depth::default()).await;
}

/// 13: the second call has the same outcome as the first, or reports that nothing is left to do.
pub async fn calls_may_be_repeated(subject: QueueSubject) {
    subject.send(&["extended", "retried"]).await;
    let deliveries = subject.collect(2).await;
    let (queue, name) = (&subject.queue, &subject.consumed);
    for delivery in &deliveries {
        for _ in 0..2 {
            let extended = queue.extend(name, &delivery.receipt, subject.visibility * 2);
            extended.await.unwrap();
        }
    }
    let (kept, retried): (Vec<_>, Vec<_>) =
        deliveries.into_iter().partition(|d| d.body == "extended");
    for _ in 0..2 {
        subject.retry_after(&retried[0], Duration::ZERO).await;
    }
    let again = subject.next().await;
    assert_eq!((again.body.as_str(), again.attempt), ("retried", 2));
    for delivery in [&again, &kept[0]] {
        subject.ack(delivery).await;
        let repeated = queue.ack(name, std::slice::from_ref(&delivery.receipt));
        let repeated = repeated.await.remove(0);
        assert!(
            matches!(repeated, Ok(()) | Err(QueueError::StaleReceipt)),
            "{repeated:?}"
        );
    }
    subject.await_depth(Depth::default()).await;
}

/// 14: the receive is dropped at several points, and each message is received in the end.
pub async fn a_dropped_receive_loses_nothing(subject: QueueSubject) {
    subject.send(&["precious"]).await;
    for polls in 1..=4 {
        let wait = Duration::from_secs(1);
        let received = subject.queue.receive(&subject.consumed, MAX_BATCH, wait);
        let mut received = std::pin::pin!(received);
        for _ in 0..polls {
            if futures::poll!(&mut received).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    // A dropped receive may have received the message; five receives are within the limit.
    subject.time.pass(subject.visibility).await;
    let delivery = subject.next().await;
    assert_eq!(delivery.body, "precious");
    subject.ack(&delivery).await;
}

/// 1: the queue does not repeat the send; only the caller may.
pub async fn a_message_whose_answer_is_lost_is_sent_once(subject: QueueSubject) {
    // Everything that needs a lookup first is known from now on.
    subject.send(&["before"]).await;
    subject.line.lose_answers().await;
    let sent = subject.queue.send(&subject.consumed, outgoing(&["once"]));
    let outcome = timeout(DEADLINE, sent).await.expect("it ends").remove(0);
    if let Err(error) = outcome {
        assert!(error.is_transient() && !error.is_certain(), "{error:?}");
    }
    subject.line.mend().await;
    let expected = Depth {
        waiting: 2,
        ..Depth::default()
    };
    subject.await_depth(expected).await;
    subject.collect(2).await;
    subject.assert_nothing_comes().await;
}

/// 13: the outcome does not matter.
pub async fn every_call_ends_while_the_server_is_silent(subject: QueueSubject) {
    subject.send(&["a", "b", "c", "d"]).await;
    let held = subject.collect(4).await;
    let (queue, name) = (&*subject.queue, &subject.consumed);
    subject.line.stall().await;
    let calls = all_calls(queue, &subject, &held);
    assert!(
        timeout(DEADLINE, calls).await.is_ok(),
        "a call does not end"
    );
    subject.line.mend().await;
    // And the queue is reachable again.
    let depth = async {
        while queue.depth(name).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(DEADLINE, depth).await.is_ok(), "it is not found");
}

async fn all_calls(
    queue: &dyn JobQueue,
    subject: &QueueSubject,
    held: &[lemon_domain::ports::Delivery],
) {
    let name = &subject.consumed;
    let receipts = [held[0].receipt.clone()];
    let many = vec!["x"; 25];
    drop(tokio::join!(
        queue.send(name, outgoing(&many)),
        queue.receive(name, 1, Duration::from_secs(1)),
        queue.ack(name, &receipts),
        queue.retry_after(name, &held[1].receipt, Duration::ZERO),
        queue.extend(name, &held[2].receipt, subject.visibility),
        queue.dead_letter(name, &held[3], "no reason"),
        queue.depth(name),
    ));
}
