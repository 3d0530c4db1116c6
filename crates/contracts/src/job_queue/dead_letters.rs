//! Messages that are not received again: dead letters.

use std::time::Duration;

use lemon_domain::ports::Depth;

use super::QueueSubject;

/// 8: immediately and permanently.
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

/// 9: it is not received a sixth time; other messages are still received.
pub async fn a_message_is_dead_lettered_after_five_receives(subject: QueueSubject) {
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
pub async fn a_message_acknowledged_at_its_fifth_receive_is_not_dead_lettered(
    subject: QueueSubject,
) {
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
