//! Trace contexts on the wire: message attributes, which count towards the size of a batch.

use std::time::Duration;

use lemon_domain::{
    ports::{Delivery, JobQueue, MAX_BODY_BYTES, Outgoing, Receipt},
    values::TraceContext,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::double::{Double, answer, batch, jobs};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn trace() -> TraceContext {
    TraceContext::parse(PARENT, Some("vendor=1")).unwrap()
}

fn message(body: String, trace: Option<TraceContext>) -> Outgoing {
    let id = Uuid::nil();
    Outgoing { id, body, trace }
}

/// The attributes of a trace as SQS has them.
fn attributes() -> Value {
    json!({
        "traceparent": { "DataType": "String", "StringValue": PARENT },
        "tracestate": { "DataType": "String", "StringValue": "vendor=1" },
    })
}

#[tokio::test]
async fn a_message_is_sent_with_its_trace_as_attributes_beside_its_body() {
    let double = Double::start().await;
    double
        .answers("SendMessageBatch", batch(&["0", "1"], &[]))
        .await;
    let with = message("with".to_owned(), Some(trace()));
    let without = message("without".to_owned(), None);
    let sent = double.job_queue().send(&jobs(), vec![with, without]).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    let calls = double.calls("SendMessageBatch").await;
    let entries = &calls[0]["Entries"];
    assert_eq!(entries[0]["MessageBody"], "with");
    assert_eq!(entries[0]["MessageAttributes"], attributes());
    assert_eq!(entries[1]["MessageBody"], "without");
    assert_eq!(entries[1]["MessageAttributes"], Value::Null);
}

#[tokio::test]
async fn attributes_count_towards_the_size_of_a_batch() {
    let double = Double::start().await;
    double.answers("SendMessageBatch", batch(&["0"], &[])).await;
    let half = || message("x".repeat(MAX_BODY_BYTES / 2), Some(trace()));
    let sent = double.job_queue().send(&jobs(), vec![half(), half()]).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    assert_eq!(double.calls("SendMessageBatch").await.len(), 2);
}

#[tokio::test]
async fn a_received_message_has_the_trace_of_its_attributes() {
    let double = Double::start().await;
    let foreign = json!({ "traceparent": { "DataType": "String", "StringValue": "foreign" } });
    let received = |body: &str, attributes: Value| {
        json!({
            "MessageId": body, "ReceiptHandle": body, "Body": body, "MessageAttributes": attributes,
        })
    };
    let messages = [
        received("with", attributes()),
        received("foreign", foreign),
        received("without", Value::Null),
    ];
    let messages = answer(&json!({ "Messages": messages }));
    double.answers("ReceiveMessage", messages).await;
    let queue = double.job_queue();
    let deliveries = queue.receive(&jobs(), 3, Duration::ZERO).await.unwrap();
    let traces: Vec<_> = deliveries.into_iter().map(|it| it.trace).collect();
    assert_eq!(traces, [Some(trace()), None, None]);
    let calls = double.calls("ReceiveMessage").await;
    let asked = json!(["traceparent", "tracestate"]);
    assert_eq!(calls[0]["MessageAttributeNames"], asked);
}

#[tokio::test]
async fn a_dead_letter_keeps_the_trace() {
    let double = Double::start().await;
    let done = || answer(&json!({}));
    double.answers("ChangeMessageVisibility", done()).await;
    double.answers("DeleteMessage", done()).await;
    let sent = answer(&json!({ "MessageId": "2" }));
    double.answers("SendMessage", sent).await;
    let delivery = Delivery {
        message_id: "1".to_owned(),
        receipt: Receipt("1".to_owned()),
        body: "x".to_owned(),
        attempt: 1,
        trace: Some(trace()),
    };
    let queue = double.job_queue();
    let dead = queue.dead_letter(&jobs(), &delivery, "spoilt").await;
    dead.unwrap();
    let calls = double.calls("SendMessage").await;
    for (name, value) in attributes().as_object().unwrap() {
        assert_eq!(calls[0]["MessageAttributes"][name], *value);
    }
}
