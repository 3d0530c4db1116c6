//! Making queues, looking at them, and redriving their dead letters.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use lemon_contracts::race;
use lemon_domain::{
    ports::{DeadLetterChoice, Depth, JobQueue, QueueError, QueueKeeping, QueueStats},
    values::QueueName,
};
use lemon_sqs::{QueueChange, SqsConfig, SqsQueueSettings, SqsQueues};
use serde_json::json;

use crate::{
    common::{Sqs, await_depth, collect, send, shown},
    double::{Double, answer, error, jobs},
};

#[tokio::test]
async fn creating_a_queue_twice_changes_nothing_and_other_settings_are_updated() {
    let sqs = Sqs::get().await;
    let (queues, name) = (sqs.queues(), sqs.name("Jobs"));
    let usual = SqsQueueSettings::default();
    assert_eq!(
        queues.create(&name, &usual).await.unwrap(),
        QueueChange::Created
    );
    assert_eq!(
        queues.create(&name, &usual).await.unwrap(),
        QueueChange::Unchanged
    );
    let stats = queues.stats(&name).await.unwrap();
    assert_eq!(stats.visibility, Some(Duration::from_secs(30)));
    assert_eq!(stats.retention, Some(Duration::from_hours(14 * 24)));
    assert_eq!(stats.max_receives, Some(5));
    assert_eq!(stats.dead_letter_queue, Some(format!("{name}-dlq")));

    send(&sqs.job_queue(), &name, &["kept"]).await;
    let other = SqsQueueSettings::default()
        .with_visibility(Duration::from_secs(90))
        .with_max_receives(3)
        .with_retention(Duration::from_hours(24));
    assert_eq!(
        queues.create(&name, &other).await.unwrap(),
        QueueChange::Updated
    );
    let stats = queues.stats(&name).await.unwrap();
    assert_eq!(stats.visibility, Some(other.visibility));
    assert_eq!(stats.retention, Some(other.retention));
    assert_eq!((stats.max_receives, stats.waiting), (Some(3), Some(1)));
    let dead = queues.stats(&sqs.name("Jobs-dlq")).await.unwrap();
    let retention = Some(other.retention);
    assert_eq!((dead.retention, dead.max_receives), (retention, None));
}

#[tokio::test]
async fn a_queue_that_somebody_else_made_gets_the_settings() {
    let sqs = Sqs::get().await;
    let (queues, name) = (sqs.queues(), sqs.name("Jobs"));
    let made = sqs.client().create_queue().queue_name(name.as_str()).send();
    made.await.unwrap();
    let usual = SqsQueueSettings::default();
    assert_eq!(
        queues.create(&name, &usual).await.unwrap(),
        QueueChange::Updated
    );
    assert_eq!(queues.stats(&name).await.unwrap().max_receives, Some(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_creations_of_a_queue_do_not_disturb_one_another() {
    let sqs = Sqs::get().await;
    let (queues, name) = (Arc::new(sqs.queues()), sqs.name("Jobs"));
    let made = race(4, |_| {
        let (queues, name) = (Arc::clone(&queues), name.clone());
        async move { queues.create(&name, &SqsQueueSettings::default()).await }
    });
    for outcome in made.await {
        outcome.unwrap();
    }
    assert_eq!(queues.stats(&name).await.unwrap().max_receives, Some(5));
}

#[tokio::test]
async fn settings_that_sqs_does_not_accept_are_refused() {
    let double = Double::start().await;
    let missing = error(
        400,
        "QueueDoesNotExist",
        "The specified queue does not exist.",
    );
    double.answers("GetQueueUrl", missing).await;
    let wrong = "Invalid value for the parameter MessageRetentionPeriod.";
    let wrong = error(400, "InvalidAttributeValue", wrong);
    double.answers("CreateQueue", wrong).await;
    let settings = SqsQueueSettings::default().with_retention(Duration::from_secs(1));
    let refused = double.queues().create(&jobs(), &settings).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, QueueError::Rejected(_)), "{refused:?}");
    assert!(shown(&refused).contains("MessageRetentionPeriod"));
    let asked = &double.calls("CreateQueue").await[0];
    assert_eq!(asked["QueueName"], "Jobs-dlq");
    assert_eq!(
        asked["Attributes"],
        json!({ "MessageRetentionPeriod": "1" })
    );
}

#[tokio::test]
async fn a_queue_that_does_not_exist_is_named_by_every_operation() {
    let sqs = Sqs::get().await;
    let (queues, name) = (sqs.queues(), sqs.name("Nowhere"));
    let outcomes = [
        queues.stats(&name).await.map(drop),
        queues.dead_letters(&name, 1).await.map(drop),
        queues
            .redrive(&name, &DeadLetterChoice::All)
            .await
            .map(drop),
        queues
            .discard(&name, &DeadLetterChoice::All)
            .await
            .map(drop),
    ];
    for outcome in outcomes {
        match outcome {
            Err(QueueError::NoSuchQueue(missing)) => assert_eq!(missing, name.as_str()),
            other => panic!("{other:?}"),
        }
    }
}

/// A queue with a letter that a program gave up, and one that SQS did.
async fn with_two_dead(sqs: &Sqs) -> QueueName {
    let (queue, name) = (sqs.job_queue(), sqs.queue("Jobs").await);
    send(&queue, &name, &["token=hush"]).await;
    let delivery = collect(&queue, &name, 1).await.remove(0);
    let dead = queue.dead_letter(&name, &delivery, "not JSON").await;
    dead.unwrap();
    send(&queue, &name, &["secret=hush"]).await;
    for _ in 0..5 {
        let delivery = collect(&queue, &name, 1).await.remove(0);
        let retried = queue.retry_after(&name, &delivery.receipt, Duration::ZERO);
        retried.await.unwrap();
    }
    assert_eq!(queue.receive(&name, 1, Duration::ZERO).await.unwrap(), []);
    let dead = Depth {
        dead: 2,
        ..Depth::default()
    };
    await_depth(&queue, &name, dead).await;
    name
}

#[tokio::test]
async fn dead_letters_are_shown_without_their_text_and_stay() {
    let sqs = Sqs::get().await;
    let name = with_two_dead(&sqs).await;
    let queues = sqs.queues();
    let mut letters = queues.dead_letters(&name, 10).await.unwrap();
    letters.sort_by_key(|letter| letter.body.len());
    assert!(!format!("{letters:?}").contains("hush"));
    let bytes: Vec<_> = letters.iter().map(|letter| letter.body.len()).collect();
    assert_eq!(bytes, ["token=hush".len(), "secret=hush".len()]);
    let reasons: Vec<_> = letters
        .iter()
        .map(|letter| letter.reason.as_deref())
        .collect();
    assert_eq!(reasons, [Some("not JSON"), None]);
    assert!(letters[0].attempts == Some(1) && letters[1].attempts >= Some(1));
    assert!(letters[0].dead_lettered_at.is_some() && letters[1].sent_at.is_some());
    // As often as one likes, and without a wait for a visibility timeout.
    let again = queues.dead_letters(&name, 1).await.unwrap();
    assert_eq!(again.len(), 1);
    let ids: BTreeSet<_> = letters.iter().map(|letter| &letter.message_id).collect();
    assert!(ids.len() == 2 && ids.contains(&again[0].message_id));
    assert_eq!(queues.dead_letters(&name, 0).await.unwrap(), []);
    let dead_letters = sqs.name("Jobs-dlq");
    collect(&sqs.job_queue(), &dead_letters, 2).await;
}

#[tokio::test]
async fn dead_letters_are_shown_within_a_short_deadline_too() {
    let sqs = Sqs::get().await;
    let name = with_two_dead(&sqs).await;
    // A look waits a second for SQS, half of this.
    let config = SqsConfig::default().with_deadline(Duration::from_secs(2));
    let queues = SqsQueues::new(&sqs.client(), config);
    assert_eq!(queues.dead_letters(&name, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn redriven_dead_letters_are_received_again() {
    let sqs = Sqs::get().await;
    let name = with_two_dead(&sqs).await;
    let all = DeadLetterChoice::All;
    assert_eq!(sqs.queues().redrive(&name, &all).await.unwrap(), 2);
    let queue = sqs.job_queue();
    let deliveries = collect(&queue, &name, 2).await;
    let bodies: BTreeSet<_> = deliveries.iter().map(|d| d.body.as_str()).collect();
    assert_eq!(bodies, BTreeSet::from(["token=hush", "secret=hush"]));
    let receipts: Vec<_> = deliveries.into_iter().map(|d| d.receipt).collect();
    for outcome in queue.ack(&name, &receipts).await {
        outcome.unwrap();
    }
    await_depth(&queue, &name, Depth::default()).await;
    assert_eq!(sqs.queues().redrive(&name, &all).await.unwrap(), 0);
}

/// `ElasticMQ` says nothing of the retention, for example.
#[tokio::test]
async fn a_server_that_leaves_attributes_out_is_described_by_the_others() {
    let double = Double::start().await;
    let arn = "arn:aws:sqs:us-east-1:1:Jobs";
    let policy = json!({ "deadLetterTargetArn": arn, "maxReceiveCount": 5 });
    let there = json!({ "Attributes": {
        "QueueArn": arn,
        "VisibilityTimeout": "30",
        "RedrivePolicy": policy.to_string(),
        "ApproximateNumberOfMessages": "2",
    }});
    double.answers("GetQueueAttributes", answer(&there)).await;
    double
        .answers("SetQueueAttributes", answer(&json!({})))
        .await;
    let queues = double.queues();
    let made = queues.create(&jobs(), &SqsQueueSettings::default()).await;
    assert_eq!(made.unwrap(), QueueChange::Unchanged);
    let expected = QueueStats {
        waiting: Some(2),
        visibility: Some(Duration::from_secs(30)),
        max_receives: Some(5),
        dead_letter_queue: Some("Jobs".to_owned()),
        ..QueueStats::default()
    };
    assert_eq!(queues.stats(&jobs()).await.unwrap(), expected);
    let depth = double.job_queue().depth(&jobs()).await.unwrap_err();
    assert!(shown(&depth).contains("ApproximateNumberOfMessagesNotVisible"));
}

#[tokio::test]
async fn a_server_that_leaves_out_what_is_needed_is_told_what_that_is() {
    let double = Double::start().await;
    let nothing = answer(&json!({ "Attributes": {} }));
    double.answers("GetQueueAttributes", nothing).await;
    double
        .answers("SetQueueAttributes", answer(&json!({})))
        .await;
    let queues = double.queues();
    let made = queues.create(&jobs(), &SqsQueueSettings::default()).await;
    assert!(shown(&made.unwrap_err()).contains("QueueArn"));
    assert_eq!(queues.stats(&jobs()).await.unwrap(), QueueStats::default());
}

/// However many batches of letters come before it.
#[tokio::test]
async fn one_dead_letter_is_found_behind_others_which_can_be_received_at_once() {
    let sqs = Sqs::get().await;
    let (queue, name) = (sqs.job_queue(), sqs.queue("Jobs").await);
    let dead_letters = sqs.name("Jobs-dlq");
    let texts: Vec<String> = (0..25).map(|n| format!("letter {n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    send(&queue, &dead_letters, &texts).await;
    let queues = sqs.queues();
    let letters = queues.dead_letters(&name, 100).await.unwrap();
    assert_eq!(letters.len(), 25);
    let last = letters.iter().find(|letter| letter.body == "letter 24");
    let last = DeadLetterChoice::One(last.unwrap().message_id.clone());
    assert_eq!(queues.redrive(&name, &last).await.unwrap(), 1);
    assert_eq!(collect(&queue, &name, 1).await[0].body, "letter 24");
    let others = queue.receive(&dead_letters, 10, Duration::ZERO).await;
    assert!(!others.unwrap().is_empty(), "they are hidden");
}
