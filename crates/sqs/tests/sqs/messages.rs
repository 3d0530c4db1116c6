//! What SQS makes of messages beyond the contract.

use std::{collections::BTreeSet, time::Duration};

use lemon_domain::ports::{Depth, JobQueue, MAX_BODY_BYTES, QueueError, QueueKeeping};
use lemon_sqs::{SqsJobQueue, SqsQueueSettings};

use crate::common::{Sqs, await_depth, collect, outgoing, patient, send};

#[tokio::test]
async fn messages_are_sent_in_batches_within_the_limits_of_count_and_bytes() {
    let sqs = Sqs::get().await;
    let (queue, name) = (sqs.job_queue(), sqs.queue("Jobs").await);
    let sizes = [300_000, 500_000, 400_000, 1, MAX_BODY_BYTES, 700_000];
    let mut texts: Vec<String> = sizes.iter().map(|size| "x".repeat(*size)).collect();
    texts.extend((0..25).map(|number| format!("small {number}")));
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    send(&queue, &name, &texts).await;
    let deliveries = collect(&queue, &name, texts.len()).await;
    let received: BTreeSet<_> = deliveries.iter().map(|d| d.body.as_str()).collect();
    assert!(received == texts.into_iter().collect());
}

#[tokio::test]
async fn a_text_that_sqs_does_not_accept_is_refused_and_does_not_fail_the_others() {
    let sqs = Sqs::get().await;
    let (queue, name) = (sqs.job_queue(), sqs.queue("Jobs").await);
    let texts = ["a", "", "nul\0", "b", "\u{1f}", "\u{fffe}"];
    let outcomes = queue.send(&name, outgoing(&texts)).await;
    for (text, outcome) in texts.iter().zip(outcomes) {
        match outcome {
            Ok(()) => assert!(["a", "b"].contains(text), "{text:?} was taken"),
            Err(QueueError::Rejected(cause)) => {
                let cause = cause.to_string();
                assert!(cause.starts_with("no queue accepts"), "{cause}");
            }
            Err(error) => panic!("{text:?}: {error:?}"),
        }
    }
    let deliveries = collect(&queue, &name, 2).await;
    let bodies: BTreeSet<_> = deliveries.iter().map(|d| d.body.as_str()).collect();
    assert_eq!(bodies, BTreeSet::from(["a", "b"]));
}

#[tokio::test]
async fn a_configured_visibility_timeout_overrides_that_of_the_queue() {
    let sqs = Sqs::get().await;
    let name = sqs.name("Jobs");
    let settings = SqsQueueSettings::default().with_visibility(Duration::from_hours(1));
    sqs.queues().create(&name, &settings).await.unwrap();
    let config = patient().with_visibility(Duration::from_secs(1));
    let queue = SqsJobQueue::new(&sqs.client(), config);
    send(&queue, &name, &["again"]).await;
    for attempt in 1..=2 {
        assert_eq!(collect(&queue, &name, 1).await[0].attempt, attempt);
    }
}

#[tokio::test]
async fn a_dead_letter_has_its_body_and_its_reason() {
    let sqs = Sqs::get().await;
    let (queue, name) = (sqs.job_queue(), sqs.queue("Jobs").await);
    send(&queue, &name, &["not JSON"]).await;
    let delivery = collect(&queue, &name, 1).await.remove(0);
    let reason = "it is\0 not JSON";
    queue.dead_letter(&name, &delivery, reason).await.unwrap();
    let letters = sqs.queues().dead_letters(&name, 10).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].reason.as_deref(), Some("it is\u{fffd} not JSON"));
    assert_eq!(letters[0].attempts, Some(1));
    let original = letters[0].original_id.as_deref();
    assert_eq!(original, Some(delivery.message_id.as_str()));
    let dead_letters = sqs.name("Jobs-dlq");
    let letter = collect(&queue, &dead_letters, 1).await.remove(0);
    assert_eq!(letter.body, "not JSON");
}

#[tokio::test]
async fn a_message_of_the_largest_size_is_dead_lettered_without_room_for_a_reason() {
    let sqs = Sqs::get().await;
    let (queue, name) = (sqs.job_queue(), sqs.queue("Jobs").await);
    let text = "x".repeat(MAX_BODY_BYTES);
    send(&queue, &name, &[&text]).await;
    let delivery = collect(&queue, &name, 1).await.remove(0);
    let dead = queue.dead_letter(&name, &delivery, "too much").await;
    dead.unwrap();
    let expected = Depth {
        dead: 1,
        ..Depth::default()
    };
    await_depth(&queue, &name, expected).await;
    let letters = sqs.queues().dead_letters(&name, 1).await.unwrap();
    assert_eq!(
        (letters[0].body.len(), &letters[0].reason),
        (MAX_BODY_BYTES, &None)
    );
}

#[tokio::test]
async fn a_delivery_whose_receipt_is_stale_is_not_copied_to_the_dead_letters() {
    let sqs = Sqs::get().await;
    let (queue, name) = (sqs.job_queue(), sqs.queue("Jobs").await);
    send(&queue, &name, &["done"]).await;
    let delivery = collect(&queue, &name, 1).await.remove(0);
    for outcome in queue
        .ack(&name, std::slice::from_ref(&delivery.receipt))
        .await
    {
        outcome.unwrap();
    }
    let dead = queue.dead_letter(&name, &delivery, "late").await;
    assert!(matches!(dead, Err(QueueError::StaleReceipt)), "{dead:?}");
    assert_eq!(queue.depth(&name).await.unwrap(), Depth::default());
}

#[tokio::test]
async fn a_queue_without_a_dead_letter_queue_has_no_dead_letters_and_keeps_its_messages() {
    let sqs = Sqs::get().await;
    let (queue, name) = (sqs.job_queue(), sqs.name("Plain"));
    let made = sqs.client().create_queue().queue_name(name.as_str()).send();
    made.await.unwrap();
    send(&queue, &name, &["kept"]).await;
    let delivery = collect(&queue, &name, 1).await.remove(0);
    match queue.dead_letter(&name, &delivery, "no JSON").await {
        Err(QueueError::NoSuchQueue(missing)) => assert_eq!(missing, format!("{name}-dlq")),
        other => panic!("{other:?}"),
    }
    let kept = Depth {
        in_flight: 1,
        ..Depth::default()
    };
    await_depth(&queue, &name, kept).await;
}

#[tokio::test]
async fn a_queue_that_is_deleted_and_made_again_is_found() {
    let sqs = Sqs::get().await;
    let (queue, name) = (sqs.job_queue(), sqs.queue("Jobs").await);
    send(&queue, &name, &["lost"]).await;
    let client = sqs.client();
    let address = client.get_queue_url().queue_name(name.as_str()).send();
    let address = address.await.unwrap().queue_url.unwrap();
    client
        .delete_queue()
        .queue_url(address)
        .send()
        .await
        .unwrap();
    let missing = queue.receive(&name, 1, Duration::ZERO).await;
    assert!(
        matches!(missing, Err(QueueError::NoSuchQueue(_))),
        "{missing:?}"
    );
    let other = sqs.queue("Other").await;
    send(&queue, &other, &["elsewhere"]).await;
}
