//! Trace contexts.

use std::{collections::BTreeMap, time::Duration};

use lemon_domain::{
    ports::{MAX_BODY_BYTES, Outgoing},
    values::TraceContext,
};

use super::{QueueSubject, outgoing};
use crate::traces::trace;

fn traced(body: &str, trace: Option<TraceContext>) -> Outgoing {
    let message = outgoing(&[body]).remove(0);
    Outgoing { trace, ..message }
}

/// 15: with and without a state, also when the message is received again.
pub async fn each_receive_has_the_trace_context_that_was_sent(subject: QueueSubject) {
    let sent = BTreeMap::from([
        ("with a state", Some(trace(1))),
        ("without a state", Some(trace(2))),
        ("without a trace", None),
    ]);
    let messages = sent.iter().map(|(body, trace)| traced(body, trace.clone()));
    let outcomes = subject.queue.send(&subject.consumed, messages.collect());
    for outcome in outcomes.await {
        outcome.unwrap();
    }
    for _ in 0..2 {
        let deliveries = subject.collect(sent.len()).await;
        let received = deliveries.iter();
        let received = received.map(|it| (it.body.as_str(), it.trace.clone()));
        assert_eq!(received.collect::<BTreeMap<_, _>>(), sent);
        for delivery in deliveries {
            subject.retry_after(&delivery, Duration::ZERO).await;
        }
    }
}

/// 15: a trace costs no message.
pub async fn the_largest_body_is_received_whatever_its_trace(subject: QueueSubject) {
    let text = "x".repeat(MAX_BODY_BYTES);
    let message = traced(&text, Some(trace(1)));
    let sent = subject.queue.send(&subject.consumed, vec![message]);
    sent.await.remove(0).unwrap();
    let delivery = subject.next().await;
    assert!(delivery.body == text, "the body is another");
    let is_its = delivery.trace.is_none_or(|found| found == trace(1));
    assert!(is_its, "the trace is another");
}
