//! A server that throttles, fails, hangs, breaks off, or does half of what it was asked.

use std::{sync::Arc, time::Duration};

use lemon_contracts::race;
use lemon_domain::{
    ports::{DeadLetterChoice, Delivery, JobQueue, QueueError, QueueKeeping, Receipt},
    values::QueueName,
};
use lemon_sqs::SqsJobQueue;
use lemon_test_servers::Link;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};
use wiremock::ResponseTemplate;

use crate::{
    common::{SOON, Sqs, client_with, collect, outgoing, send, shown},
    double::{DEADLINE, Double, answer, batch, config, error, jobs},
};

fn receipts(count: usize) -> Vec<Receipt> {
    let receipts = (0..count).map(|number| Receipt(format!("receipt {number}")));
    receipts.collect()
}

fn delivery() -> Delivery {
    Delivery {
        message_id: "1".to_owned(),
        receipt: Receipt("receipt".to_owned()),
        body: "x".to_owned(),
        attempt: 2,
        trace: None,
    }
}

#[tokio::test]
async fn failed_entries_of_a_successful_batch_are_reported_one_by_one() {
    let double = Double::start().await;
    let failed = [
        ("1", "InvalidMessageContents", true),
        ("2", "RequestThrottled", true),
        ("3", "InternalError", false),
    ];
    double
        .answers_once("SendMessageBatch", batch(&["0", "4"], &failed))
        .await;
    let failed = [
        ("0", "RequestThrottled", true),
        ("1", "InternalError", false),
    ];
    double
        .answers("SendMessageBatch", batch(&[], &failed))
        .await;
    let texts = ["a", "b", "c", "d", "e"];
    let outcomes = double.job_queue().send(&jobs(), outgoing(&texts)).await;
    assert!(matches!(
        outcomes[..],
        [
            Ok(()),
            Err(QueueError::Rejected(_)),
            Err(QueueError::RateLimited { .. }),
            Err(QueueError::Unavailable(_)),
            Ok(()),
        ]
    ));
    // Those that may succeed later were tried again by themselves.
    let calls = double.calls("SendMessageBatch").await;
    let again = calls[1]["Entries"].as_array().unwrap();
    let bodies: Vec<_> = again.iter().map(|entry| &entry["MessageBody"]).collect();
    assert_eq!(bodies, ["c", "d"]);
}

#[tokio::test]
async fn receipts_that_fail_for_a_moment_are_acknowledged_by_another_call() {
    let double = Double::start().await;
    let successful: Vec<String> = (0..9).map(|id| id.to_string()).collect();
    let successful: Vec<&str> = successful.iter().map(String::as_str).collect();
    let failed = [("9", "InternalError", false)];
    double
        .answers_once("DeleteMessageBatch", batch(&successful, &failed))
        .await;
    double
        .answers("DeleteMessageBatch", batch(&["0"], &[]))
        .await;
    for outcome in double.job_queue().ack(&jobs(), &receipts(10)).await {
        outcome.unwrap();
    }
    let calls = double.calls("DeleteMessageBatch").await;
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[1]["Entries"][0]["ReceiptHandle"], "receipt 9");
}

#[tokio::test]
async fn a_stale_receipt_has_its_own_error_and_is_not_retried() {
    let double = Double::start().await;
    let failed = [("1", "ReceiptHandleIsInvalid", true)];
    double
        .answers("DeleteMessageBatch", batch(&["0"], &failed))
        .await;
    let outcomes = double.job_queue().ack(&jobs(), &receipts(2)).await;
    assert!(matches!(
        outcomes[..],
        [Ok(()), Err(QueueError::StaleReceipt)]
    ));
    assert_eq!(double.calls("DeleteMessageBatch").await.len(), 1);
}

#[tokio::test]
async fn an_entry_that_the_answer_lacks_does_not_count_as_sent() {
    let double = Double::start().await;
    double
        .answers_once("SendMessageBatch", batch(&["0"], &[]))
        .await;
    double.answers("SendMessageBatch", batch(&[], &[])).await;
    let outcomes = double
        .job_queue()
        .send(&jobs(), outgoing(&["a", "b"]))
        .await;
    assert!(matches!(
        outcomes[..],
        [Ok(()), Err(QueueError::Unavailable(_))]
    ));
}

#[tokio::test]
async fn a_server_that_throttles_or_fails_for_a_moment_is_asked_again() {
    let double = Double::start().await;
    let slow = error(400, "ThrottlingException", "Rate exceeded");
    double.answers_once("SendMessageBatch", slow).await;
    double
        .answers_once("SendMessageBatch", ResponseTemplate::new(503))
        .await;
    double.answers("SendMessageBatch", batch(&["0"], &[])).await;
    send(&double.job_queue(), &jobs(), &["a"]).await;
    assert_eq!(double.calls("SendMessageBatch").await.len(), 3);
}

#[tokio::test]
async fn a_server_that_keeps_throttling_is_rate_limited_and_one_that_keeps_failing_unavailable() {
    let double = Double::start().await;
    let slow = error(400, "ThrottlingException", "Rate exceeded");
    double.answers("ReceiveMessage", slow).await;
    let queue = double.job_queue();
    let throttled = queue.receive(&jobs(), 1, Duration::ZERO).await;
    assert!(
        matches!(throttled, Err(QueueError::RateLimited { .. })),
        "{throttled:?}"
    );
    let broken = error(500, "InternalFailure", "Something broke");
    double.answers("SendMessageBatch", broken).await;
    let failed = queue.send(&jobs(), outgoing(&["a", "b"])).await;
    assert!(matches!(
        failed[..],
        [
            Err(QueueError::Unavailable(_)),
            Err(QueueError::Unavailable(_))
        ]
    ));
}

#[tokio::test]
async fn a_server_that_hangs_costs_no_more_than_the_deadline() {
    let double = Double::start().await;
    let late = batch(&["0"], &[]).set_delay(10 * SOON);
    double.answers("SendMessageBatch", late.clone()).await;
    double.answers("ReceiveMessage", late).await;
    let queue = double.job_queue();
    let started = Instant::now();
    let outcomes = queue.send(&jobs(), outgoing(&["a"])).await;
    assert!(matches!(outcomes[..], [Err(QueueError::Unavailable(_))]));
    let received = queue.receive(&jobs(), 1, Duration::from_secs(1)).await;
    assert!(
        matches!(received, Err(QueueError::Unavailable(_))),
        "{received:?}"
    );
    assert!(started.elapsed() < SOON);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_callers_ask_for_the_address_of_a_queue_once() {
    let double = Double::start().await;
    double.answers("SendMessageBatch", batch(&["0"], &[])).await;
    let queue = Arc::new(double.job_queue());
    race(20, |_| {
        let queue = Arc::clone(&queue);
        async move { send(&*queue, &jobs(), &["a"]).await }
    })
    .await;
    assert_eq!(double.calls("GetQueueUrl").await.len(), 1);
    assert_eq!(double.calls("SendMessageBatch").await.len(), 20);
    // Until the queue is gone.
    let gone = error(
        400,
        "QueueDoesNotExist",
        "The specified queue does not exist.",
    );
    double.answers_once("ReceiveMessage", gone).await;
    double.answers("ReceiveMessage", answer(&json!({}))).await;
    let missing = queue.receive(&jobs(), 1, Duration::ZERO).await;
    assert!(matches!(missing, Err(QueueError::NoSuchQueue(name)) if name == "Jobs"));
    queue.receive(&jobs(), 1, Duration::ZERO).await.unwrap();
    assert_eq!(double.calls("GetQueueUrl").await.len(), 2);
}

#[tokio::test]
async fn a_wait_longer_than_the_maximum_of_sqs_is_made_of_several() {
    let double = Double::start().await;
    double.answers("ReceiveMessage", answer(&json!({}))).await;
    let wait = Duration::from_millis(45_400);
    let received = double.job_queue().receive(&jobs(), 99, wait).await;
    assert_eq!(received.unwrap(), []);
    let calls = double.calls("ReceiveMessage").await;
    let waits: Vec<_> = calls.iter().map(|call| &call["WaitTimeSeconds"]).collect();
    assert_eq!(waits, [20, 20, 5]);
    assert!(calls.iter().all(|call| call["MaxNumberOfMessages"] == 10));
    let received = double.job_queue().receive(&jobs(), 0, wait).await;
    assert_eq!(received.unwrap(), []);
    assert_eq!(double.calls("ReceiveMessage").await.len(), 3);
}

#[tokio::test]
async fn a_retry_delay_is_limited_to_how_long_sqs_hides_a_message() {
    let double = Double::start().await;
    let beyond = "Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total \
                  VisibilityTimeout for the message is beyond the limit [43200 seconds].";
    let beyond = error(400, "InvalidParameterValue", beyond);
    double
        .answers_once("ChangeMessageVisibility", beyond.clone())
        .await;
    double
        .answers_once("ChangeMessageVisibility", beyond.clone())
        .await;
    double
        .answers_once("ChangeMessageVisibility", answer(&json!({})))
        .await;
    double.answers("ChangeMessageVisibility", beyond).await;
    let (queue, receipt) = (double.job_queue(), &receipts(1)[0]);
    let long = Duration::from_hours(24);
    queue.retry_after(&jobs(), receipt, long).await.unwrap();
    let calls = double.calls("ChangeMessageVisibility").await;
    let asked: Vec<_> = calls
        .iter()
        .map(|call| &call["VisibilityTimeout"])
        .collect();
    assert_eq!(asked, [43_200, 21_600, 10_800]);
    // To be kept for less than one relies on would be worse than to be refused.
    let extended = queue.extend(&jobs(), receipt, long).await;
    assert!(
        matches!(extended, Err(QueueError::Rejected(_))),
        "{extended:?}"
    );
}

#[tokio::test]
async fn a_dead_letter_leaves_its_queue_only_after_it_is_in_the_dead_letter_queue() {
    let double = Double::start().await;
    double
        .answers("ChangeMessageVisibility", answer(&json!({})))
        .await;
    let broken = error(500, "InternalFailure", "Something broke");
    double.answers("SendMessage", broken).await;
    double.answers("DeleteMessage", answer(&json!({}))).await;
    let delivery = delivery();
    let queue = double.job_queue();
    let dead = queue.dead_letter(&jobs(), &delivery, "not JSON").await;
    assert!(matches!(dead, Err(QueueError::Unavailable(_))), "{dead:?}");
    assert_eq!(double.calls("DeleteMessage").await.len(), 0);
}

/// Its three calls share a deadline: each alone is well within it, and all of them are not.
#[tokio::test]
async fn a_dead_letter_takes_one_deadline() {
    let double = Double::start().await;
    let late = |body| answer(&body).set_delay(DEADLINE * 3 / 8);
    double
        .answers("ChangeMessageVisibility", late(json!({})))
        .await;
    double
        .answers("SendMessage", late(json!({ "MessageId": "2" })))
        .await;
    double.answers("DeleteMessage", late(json!({}))).await;
    let queue = double.job_queue();
    let dead = queue.dead_letter(&jobs(), &delivery(), "not JSON").await;
    assert!(matches!(dead, Err(QueueError::Unavailable(_))), "{dead:?}");
}

#[tokio::test]
async fn a_message_in_flight_for_hours_can_be_dead_lettered() {
    let double = Double::start().await;
    let beyond = "Reason: Total VisibilityTimeout for the message is beyond the limit.";
    let beyond = error(400, "InvalidParameterValue", beyond);
    double.answers("ChangeMessageVisibility", beyond).await;
    double
        .answers("SendMessage", answer(&json!({ "MessageId": "2" })))
        .await;
    double.answers("DeleteMessage", answer(&json!({}))).await;
    let delivery = delivery();
    let queue = double.job_queue();
    let dead = queue.dead_letter(&jobs(), &delivery, "not JSON").await;
    dead.unwrap();
    let sent = &double.calls("SendMessage").await[0]["MessageAttributes"];
    assert_eq!(sent["reason"]["StringValue"], "not JSON");
    assert_eq!(sent["attempts"]["StringValue"], "2");
    assert_eq!(double.calls("DeleteMessage").await.len(), 1);
}

#[tokio::test]
async fn a_server_without_move_tasks_has_its_dead_letters_copied() {
    let double = Double::start().await;
    let arn = json!({ "Attributes": { "QueueArn": "arn:aws:sqs:us-east-1:1:Jobs" } });
    double.answers("GetQueueAttributes", answer(&arn)).await;
    let unknown = error(
        400,
        "InvalidAction",
        "The action StartMessageMoveTask is not valid",
    );
    double.answers("StartMessageMoveTask", unknown).await;
    let letters = ["a", "b"].map(|body| {
        json!({ "MessageId": body, "ReceiptHandle": format!("receipt {body}"), "Body": body })
    });
    double
        .answers_once("ReceiveMessage", answer(&json!({ "Messages": letters })))
        .await;
    double.answers("ReceiveMessage", answer(&json!({}))).await;
    double
        .answers("SendMessageBatch", batch(&["0", "1"], &[]))
        .await;
    double
        .answers("DeleteMessageBatch", batch(&["0", "1"], &[]))
        .await;
    let all = DeadLetterChoice::All;
    assert_eq!(double.queues().redrive(&jobs(), &all).await.unwrap(), 2);
    let sent = &double.calls("SendMessageBatch").await[0]["Entries"];
    assert_eq!(
        (&sent[0]["MessageBody"], &sent[1]["MessageBody"]),
        (&json!("a"), &json!("b"))
    );
    let removed = &double.calls("DeleteMessageBatch").await[0]["Entries"];
    assert_eq!(removed[1]["ReceiptHandle"], "receipt b");
}

#[tokio::test]
async fn no_error_repeats_a_body_or_a_token() {
    let double = Double::start().await;
    let signature = "The request signature we calculated does not match.\n\nThe Canonical String \
                     should have been\n'x-amz-security-token:hush'";
    let refused = error(403, "SignatureDoesNotMatch", signature);
    double.answers("SendMessageBatch", refused).await;
    let torn = r#"{"Messages":[{"Body":"token=hush","MessageId":"#;
    let torn = ResponseTemplate::new(200).set_body_raw(torn, "application/x-amz-json-1.0");
    double.answers("ReceiveMessage", torn).await;
    let queue = double.job_queue();
    let mut errors = Vec::new();
    errors.extend(queue.receive(&jobs(), 1, Duration::ZERO).await.err());
    let outcomes = queue
        .send(&jobs(), outgoing(&["token=hush", "hush\0"]))
        .await;
    errors.extend(outcomes.into_iter().filter_map(Result::err));
    assert_eq!(errors.len(), 3);
    for error in errors {
        let shown = shown(&error);
        assert!(
            !shown.contains("hush") && !shown.contains(r#""test""#),
            "{shown}"
        );
    }
}

/// A queue over a line that can be cut, and the line.
async fn over_a_line(sqs: &Sqs) -> (SqsJobQueue, Link) {
    let line = Link::to(sqs.server.address()).await;
    let client = client_with(&format!("http://127.0.0.1:{}", line.port()), &config());
    (SqsJobQueue::new(&client, config()), line)
}

/// Sends until it is taken.
async fn sent(queue: &SqsJobQueue, name: &QueueName, body: &str) {
    let taken = async {
        while let Err(error) = queue.send(name, outgoing(&[body])).await.remove(0) {
            assert!(error.is_transient(), "{error:?}");
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, taken).await.unwrap();
}

#[tokio::test]
async fn a_stopped_server_is_unavailable_and_found_again_when_it_is_back() {
    let sqs = Sqs::get().await;
    let name = sqs.queue("Jobs").await;
    let (queue, mut line) = over_a_line(&sqs).await;
    send(&queue, &name, &["before"]).await;
    let waiting = async {
        let deliveries = collect(&queue, &name, 1).await;
        assert_eq!(deliveries[0].body, "before");
        queue.receive(&name, 1, Duration::from_secs(20)).await
    };
    let cutting = async {
        // In the middle of the long poll, or before it begins: both are a server that is away.
        let in_flight = async {
            while sqs.job_queue().depth(&name).await.unwrap().in_flight == 0 {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(SOON, in_flight).await.unwrap();
        line.cut().await;
    };
    let (received, ()) = tokio::join!(timeout(SOON, waiting), cutting);
    let received = received.unwrap();
    assert!(
        matches!(&received, Err(error) if error.is_transient()),
        "{received:?}"
    );
    line.mend().await;
    sent(&queue, &name, "after").await;
}

#[tokio::test]
async fn an_interrupted_send_is_unavailable_and_its_message_is_received_at_least_once() {
    let sqs = Sqs::get().await;
    let name = sqs.queue("Jobs").await;
    let (queue, mut line) = over_a_line(&sqs).await;
    assert_eq!(queue.depth(&name).await.unwrap().waiting, 0);
    line.stall();
    let started = Instant::now();
    let outcome = queue
        .send(&name, outgoing(&["once or more"]))
        .await
        .remove(0);
    assert!(
        matches!(outcome, Err(QueueError::Unavailable(_))),
        "{outcome:?}"
    );
    assert!(started.elapsed() < SOON);
    line.mend().await;
    sent(&queue, &name, "once or more").await;
    assert_eq!(collect(&queue, &name, 1).await[0].body, "once or more");
}
