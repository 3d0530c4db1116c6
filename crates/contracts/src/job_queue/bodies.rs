//! Valid bodies.

use std::collections::BTreeSet;

use lemon_domain::ports::{MAX_BODY_BYTES, QueueError};

use super::{QueueSubject, bodies, outgoing};

/// 10: with characters of several scripts, quotes, line ends, and blanks at both ends.
pub async fn a_body_is_received_exactly_as_it_was_sent(subject: QueueSubject) {
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

/// 10: a body with one byte too many, although it has fewer characters than the limit.
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
