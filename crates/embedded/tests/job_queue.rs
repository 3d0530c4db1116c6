//! What the embedded queue promises beyond the contract: durability, strict receipts, dead letters that can be read.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{collections::BTreeSet, path::Path, process::Command, sync::Arc, time::Duration};

use common::{VISIBILITY, jobs, open, receive, send};
use lemon_contracts::race;
use lemon_domain::{
    ports::{DeadLetterChoice, Depth, JobQueue, MAX_DELAY, Outgoing, QueueError, QueueKeeping},
    values::QueueName,
};
use lemon_fakes::FakeClock;
use uuid::Uuid;

/// The files as a crash would leave them: nothing is flushed or closed first.
fn crash_image(folder: &Path) -> tempfile::TempDir {
    let image = tempfile::tempdir().unwrap();
    // By another process: to close a file here would release this process' locks on it.
    let copied = Command::new("cp")
        .arg("-r")
        .arg(folder.join("."))
        .arg(image.path())
        .status();
    assert!(copied.unwrap().success());
    image
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::default());
    let queue = open(folder.path(), &clock);
    send(&queue, "poison").await;
    let poison = receive(&queue).await.remove(0);
    let dead = queue.dead_letter(&jobs(), &poison, "not JSON").await;
    dead.unwrap();
    send(&queue, "in flight").await;
    let in_flight = receive(&queue).await.remove(0);
    send(&queue, "waiting").await;
    drop(queue);

    let queue = open(folder.path(), &clock);
    let depth = Depth {
        waiting: 1,
        in_flight: 1,
        dead: 1,
    };
    assert_eq!(queue.depth(&jobs()).await.unwrap(), depth);
    let dead = queue.dead_letters(&jobs(), 10).await.unwrap();
    assert_eq!(dead[0].reason.as_deref(), Some("not JSON"));
    assert_eq!(receive(&queue).await[0].body, "waiting");
    for outcome in queue.ack(&jobs(), &[in_flight.receipt]).await {
        outcome.unwrap();
    }
    assert_eq!(queue.depth(&jobs()).await.unwrap().in_flight, 1);
}

#[tokio::test]
async fn a_message_in_flight_at_a_crash_is_received_again_after_its_visibility_timeout() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::default());
    let before = open(folder.path(), &clock);
    send(&before, "again").await;
    let first = receive(&before).await.remove(0);
    let image = crash_image(folder.path());

    let queue = open(image.path(), &clock);
    assert_eq!(receive(&queue).await, []);
    clock.advance(VISIBILITY);
    let again = receive(&queue).await.remove(0);
    assert_eq!((again.body.as_str(), again.attempt), ("again", 2));
    assert_eq!(again.message_id, first.message_id);
}

#[tokio::test]
async fn a_message_acknowledged_before_a_crash_is_not_received_again() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::default());
    let before = open(folder.path(), &clock);
    send(&before, "done").await;
    let receipt = receive(&before).await.remove(0).receipt;
    for outcome in before.ack(&jobs(), &[receipt]).await {
        outcome.unwrap();
    }
    let image = crash_image(folder.path());

    let queue = open(image.path(), &clock);
    clock.advance(VISIBILITY);
    assert_eq!(receive(&queue).await, []);
    assert_eq!(queue.depth(&jobs()).await.unwrap(), Depth::default());
}

#[tokio::test]
async fn a_stale_receipt_is_refused_by_every_call_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::default());
    let queue = open(folder.path(), &clock);
    send(&queue, "shared").await;
    let earlier = receive(&queue).await.remove(0);
    clock.advance(VISIBILITY);
    let later = receive(&queue).await.remove(0);

    let (name, receipt) = (jobs(), &earlier.receipt);
    let mut outcomes = queue.ack(&name, std::slice::from_ref(receipt)).await;
    outcomes.push(queue.retry_after(&name, receipt, Duration::ZERO).await);
    outcomes.push(queue.extend(&name, receipt, VISIBILITY).await);
    outcomes.push(queue.extend(&name, receipt, MAX_DELAY).await);
    outcomes.push(queue.dead_letter(&name, &earlier, "late").await);
    for outcome in outcomes {
        assert!(matches!(outcome, Err(QueueError::StaleReceipt)));
    }
    let depth = Depth {
        in_flight: 1,
        ..Depth::default()
    };
    assert_eq!(queue.depth(&name).await.unwrap(), depth);
    for outcome in queue.ack(&name, &[later.receipt]).await {
        outcome.unwrap();
    }
}

#[tokio::test]
async fn a_message_is_hidden_for_at_most_twelve_hours_since_its_receive() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::default());
    let queue = open(folder.path(), &clock);
    send(&queue, "slow").await;
    let receipt = receive(&queue).await.remove(0).receipt;
    let (five, eleven) = (Duration::from_hours(5), Duration::from_hours(11));
    queue.extend(&jobs(), &receipt, eleven).await.unwrap();
    clock.advance(five);
    let beyond = queue.extend(&jobs(), &receipt, eleven).await;
    assert!(matches!(beyond, Err(QueueError::Rejected(_))), "{beyond:?}");
    let rest = MAX_DELAY.checked_sub(five).unwrap();
    queue.extend(&jobs(), &receipt, rest).await.unwrap();
    clock.advance(rest.checked_sub(Duration::from_micros(1)).unwrap());
    assert_eq!(receive(&queue).await, []);
    clock.advance(Duration::from_micros(1));
    assert_eq!(receive(&queue).await.len(), 1);
}

#[tokio::test]
async fn a_receipt_of_a_removed_message_does_not_fit_the_message_that_reuses_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path(), &Arc::new(FakeClock::default()));
    send(&queue, "one").await;
    let receipts = [receive(&queue).await.remove(0).receipt];
    queue.ack(&jobs(), &receipts).await.remove(0).unwrap();
    send(&queue, "two").await;
    assert_eq!(receive(&queue).await.len(), 1);
    let outcome = queue.ack(&jobs(), &receipts).await.remove(0);
    assert!(matches!(outcome, Err(QueueError::StaleReceipt)));
    assert_eq!(queue.depth(&jobs()).await.unwrap().in_flight, 1);
}

#[tokio::test]
async fn a_late_receipt_is_good_until_the_message_is_received_again() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::default());
    let queue = open(folder.path(), &clock);
    send(&queue, "slow").await;
    let receipts = [receive(&queue).await.remove(0).receipt];
    clock.advance(VISIBILITY * 2);
    queue.ack(&jobs(), &receipts).await.remove(0).unwrap();
    assert_eq!(receive(&queue).await, []);
}

#[tokio::test]
async fn dead_letters_say_why_and_can_be_received() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::default());
    let queue = open(folder.path(), &clock);
    send(&queue, "not JSON").await;
    let delivery = receive(&queue).await.remove(0);
    let dead = queue
        .dead_letter(&jobs(), &delivery, "it is not JSON")
        .await;
    dead.unwrap();
    clock.advance(VISIBILITY);
    send(&queue, "never acknowledged").await;
    for _ in 0..5 {
        assert_eq!(receive(&queue).await.len(), 1);
        clock.advance(VISIBILITY);
    }
    assert_eq!(receive(&queue).await, []);

    let dead = queue.dead_letters(&jobs(), 10).await.unwrap();
    let reasons: Vec<_> = dead.iter().map(|dead| dead.reason.as_deref()).collect();
    let exhausted = "received 5 times without an acknowledgement";
    assert_eq!(reasons, [Some("it is not JSON"), Some(exhausted)]);
    assert_eq!(dead[0].message_id, delivery.message_id);
    assert!(
        dead[0].dead_lettered_at < dead[1].dead_lettered_at
            && dead[1].sent_at < dead[1].dead_lettered_at
    );
    assert_eq!(queue.dead_letters(&jobs(), 1).await.unwrap(), dead[..1]);

    let dead_letters = QueueName::parse("Jobs-dlq").unwrap();
    let received = queue
        .receive(&dead_letters, 10, Duration::ZERO)
        .await
        .unwrap();
    let bodies: BTreeSet<_> = received.iter().map(|d| d.body.as_str()).collect();
    assert_eq!(bodies, BTreeSet::from(["not JSON", "never acknowledged"]));
    let receipts: Vec<_> = received.into_iter().map(|d| d.receipt).collect();
    for outcome in queue.ack(&dead_letters, &receipts).await {
        outcome.unwrap();
    }
    assert_eq!(queue.depth(&jobs()).await.unwrap(), Depth::default());
}

/// The row of a message is the same as before.
#[tokio::test]
async fn an_earlier_receipt_does_not_fit_a_redriven_message() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::default());
    let queue = open(folder.path(), &clock);
    send(&queue, "again").await;
    let first = receive(&queue).await.remove(0);
    let dead = queue.dead_letter(&jobs(), &first, "not now").await;
    dead.unwrap();
    let moved = queue.redrive(&jobs(), &DeadLetterChoice::All).await;
    assert_eq!(moved.unwrap(), 1);
    let second = receive(&queue).await.remove(0);
    assert_eq!(second.attempt, first.attempt);
    let stale = queue.ack(&jobs(), &[first.receipt]).await.remove(0);
    assert!(matches!(stale, Err(QueueError::StaleReceipt)), "{stale:?}");
    queue
        .ack(&jobs(), &[second.receipt])
        .await
        .remove(0)
        .unwrap();
}

#[tokio::test]
async fn a_waiting_receive_notices_that_a_visibility_timeout_has_passed() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::default());
    let queue = Arc::new(open(folder.path(), &clock));
    send(&queue, "again").await;
    receive(&queue).await;
    let wait = Duration::from_secs(60);
    let waiting = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { queue.receive(&jobs(), 1, wait).await.unwrap() }
    });
    // A look of our own, so that the other has begun to wait.
    assert_eq!(receive(&queue).await, []);
    clock.advance(VISIBILITY);
    let again = tokio::time::timeout(wait / 2, waiting).await;
    assert_eq!(again.unwrap().unwrap()[0].attempt, 2);
}

#[tokio::test]
async fn a_waiting_receive_notices_that_a_message_was_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let queue = Arc::new(open(folder.path(), &Arc::new(FakeClock::default())));
    send(&queue, "again").await;
    let receipt = receive(&queue).await.remove(0).receipt;
    let wait = Duration::from_secs(60);
    let waiting = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { queue.receive(&jobs(), 1, wait).await.unwrap() }
    });
    assert_eq!(receive(&queue).await, []);
    let retried = queue.retry_after(&jobs(), &receipt, Duration::ZERO).await;
    retried.unwrap();
    let again = tokio::time::timeout(wait / 2, waiting).await;
    assert_eq!(again.unwrap().unwrap()[0].attempt, 2);
}

#[tokio::test]
async fn any_accepted_text_is_kept_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path(), &Arc::new(FakeClock::default()));
    for text in [
        "\t",
        "\u{7f}\u{d7ff}\u{e000}\u{10ffff}",
        "'; DROP TABLE messages; --",
    ] {
        send(&queue, text).await;
        let delivery = receive(&queue).await.remove(0);
        assert_eq!(delivery.body, text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_concurrent_sends_are_received_once_each() {
    let folder = tempfile::tempdir().unwrap();
    let queue = Arc::new(open(folder.path(), &Arc::new(FakeClock::default())));
    let sends = race(1000, |number| {
        let queue = Arc::clone(&queue);
        async move { send(&queue, &number.to_string()).await }
    });
    let consumers = race(8, |_| {
        let queue = Arc::clone(&queue);
        async move {
            let mut bodies = Vec::new();
            loop {
                let wait = Duration::from_millis(500);
                let deliveries = queue.receive(&jobs(), 10, wait).await.unwrap();
                if deliveries.is_empty() {
                    return bodies;
                }
                let receipts: Vec<_> = deliveries.iter().map(|d| d.receipt.clone()).collect();
                for outcome in queue.ack(&jobs(), &receipts).await {
                    outcome.unwrap();
                }
                bodies.extend(deliveries.into_iter().map(|d| d.body));
            }
        }
    });
    let (_, received) = tokio::join!(sends, consumers);
    let mut bodies = received.concat();
    while bodies.len() < 1000 {
        let deliveries = receive(&queue).await;
        assert!(!deliveries.is_empty(), "{} of 1000 came", bodies.len());
        bodies.extend(deliveries.into_iter().map(|d| d.body));
    }
    bodies.sort_by_key(|body| body.parse::<u32>().unwrap());
    let expected: Vec<_> = (0..1000).map(|number: u32| number.to_string()).collect();
    assert_eq!(bodies, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_committed_together_keep_their_own_outcomes() {
    let folder = tempfile::tempdir().unwrap();
    let queue = Arc::new(open(folder.path(), &Arc::new(FakeClock::default())));
    let bodies = (0..200).map(|number| Outgoing {
        id: Uuid::nil(),
        body: number.to_string(),
        trace: None,
    });
    for outcome in queue.send(&jobs(), bodies.collect()).await {
        outcome.unwrap();
    }
    let mut held = Vec::new();
    while held.len() < 200 {
        held.extend(receive(&queue).await);
    }
    // Even ones are acknowledged, odd ones with a receipt that was never given.
    let outcomes = race(200, |index| {
        let (queue, mut receipt) = (Arc::clone(&queue), held[index].receipt.clone());
        if index % 2 == 1 {
            receipt.0 = receipt.0.replacen(".1.", ".2.", 1);
        }
        async move { queue.ack(&jobs(), &[receipt]).await.remove(0) }
    });
    for (index, outcome) in outcomes.await.into_iter().enumerate() {
        if index % 2 == 1 {
            assert!(matches!(outcome, Err(QueueError::StaleReceipt)));
        } else {
            outcome.unwrap();
        }
    }
    let depth = queue.depth(&jobs()).await.unwrap();
    assert_eq!((depth.waiting, depth.in_flight), (0, 100));
}
