//! What is wrong at the start, in one sentence for who must mend it.

use std::{env, process::Command, slice::from_ref};

use aws_sdk_sqs::config::{Credentials, Region};
use lemon_domain::{
    ports::{Depth, JobQueue, QueueKeeping},
    values::QueueName,
};
use lemon_sqs::{SqsConfig, SqsError, SqsJobQueue, SqsQueues, http_client};
use lemon_test_servers::SqsServer;

use crate::{
    common::{Sqs, client_of},
    double::{Double, config, error, jobs},
};

fn assert_said(fault: &SqsError, words: &[&str]) {
    let said = fault.to_string();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
    assert!(!format!("{said} {fault:?}").contains("hush"), "{said}");
}

#[tokio::test]
async fn all_missing_queues_are_named_including_dead_letter_queues() {
    let sqs = Sqs::get().await;
    let there = sqs.queue("Jobs").await;
    let plain = sqs.name("Plain");
    let made = sqs
        .client()
        .create_queue()
        .queue_name(plain.as_str())
        .send();
    made.await.unwrap();
    let queue = sqs.job_queue();
    let consumed = [there.clone()];
    queue.check(from_ref(&plain), &consumed).await.unwrap();
    let (nowhere, consumed) = (sqs.name("Nowhere"), [there, plain.clone()]);
    let fault = queue
        .check(from_ref(&nowhere), &consumed)
        .await
        .unwrap_err();
    let dead = format!("{plain}-dlq");
    let server = sqs.server.endpoint();
    let server = server.as_str().trim_end_matches('/');
    assert_said(&fault, &[server, nowhere.as_str(), &dead]);
    let SqsError::Missing { queues, .. } = fault else {
        panic!("{fault:?}");
    };
    assert_eq!(queues, [nowhere.as_str(), &dead]);
}

#[tokio::test]
async fn an_endpoint_without_a_server_is_named() {
    let queue = SqsJobQueue::new(&client_of("http://me:hush@127.0.0.1:1"), config());
    let fault = queue.check(&[jobs()], &[]).await.unwrap_err();
    assert!(matches!(fault, SqsError::Unreachable { .. }), "{fault:?}");
    assert_said(
        &fault,
        &["sqs at http://127.0.0.1:1 cannot be reached", "refused"],
    );
}

#[tokio::test]
async fn wrong_or_missing_credentials_have_their_own_error() {
    let double = Double::start().await;
    let wrong = "The security token included in the request is invalid.\nhush";
    let wrong = error(403, "InvalidClientTokenId", wrong);
    double.answers("GetQueueUrl", wrong).await;
    let fault = double.job_queue().check(&[jobs()], &[]).await.unwrap_err();
    assert!(matches!(fault, SqsError::Credentials { .. }), "{fault:?}");
    assert_said(&fault, &["InvalidClientTokenId"]);

    let nobody = aws_sdk_sqs::Config::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .http_client(http_client(&config()).unwrap())
        .region(Region::from_static(SqsServer::REGION))
        .endpoint_url(double.uri());
    let client = aws_sdk_sqs::Client::from_conf(nobody.build());
    let queue = SqsJobQueue::new(&client, config());
    let fault = queue.check(&[jobs()], &[]).await.unwrap_err();
    assert!(matches!(fault, SqsError::Credentials { .. }), "{fault:?}");
}

#[tokio::test]
async fn a_missing_region_has_its_own_error() {
    let lost = aws_sdk_sqs::Config::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .http_client(http_client(&config()).unwrap())
        .credentials_provider(Credentials::new("test", "hush", None, None, "tests"));
    let client = aws_sdk_sqs::Client::from_conf(lost.build());
    let queue = SqsJobQueue::new(&client, config());
    let fault = queue.check(&[jobs()], &[]).await.unwrap_err();
    assert_eq!(fault, SqsError::Region);
    assert_said(&fault, &["AWS_REGION"]);
}

#[tokio::test]
async fn any_other_refusal_of_sqs_is_reported() {
    let double = Double::start().await;
    let refused = error(
        400,
        "InvalidSecurity",
        "The request was not made over HTTPS",
    );
    double.answers("GetQueueUrl", refused).await;
    let fault = double.job_queue().check(&[jobs()], &[]).await.unwrap_err();
    assert!(matches!(fault, SqsError::Refused { .. }), "{fault:?}");
    assert_said(&fault, &["refuses queue Jobs", "not made over HTTPS"]);
}

/// The variable by which a process knows that it is the one whose environment is set.
const QUEUE: &str = "LEMON_TEST_QUEUE";

/// Variables cannot be set safely in a process with threads, so this test runs itself in another.
#[tokio::test]
async fn everything_can_come_from_the_sdks_own_variables() {
    if let Ok(name) = env::var(QUEUE) {
        let name = QueueName::parse(&name).unwrap();
        let queue = SqsJobQueue::connect(&SqsConfig::default()).await.unwrap();
        queue.check(&[], from_ref(&name)).await.unwrap();
        assert_eq!(queue.depth(&name).await.unwrap(), Depth::default());
        let queues = SqsQueues::connect(&SqsConfig::default()).await.unwrap();
        assert_eq!(queues.stats(&name).await.unwrap().max_receives, Some(5));
        return;
    }
    let sqs = Sqs::get().await;
    let name = sqs.queue("Jobs").await;
    let run = || {
        let mut run = Command::new(env::current_exe().unwrap());
        let test = "start::everything_can_come_from_the_sdks_own_variables";
        run.args(["--exact", test])
            .env(QUEUE, name.as_str())
            .env("AWS_ENDPOINT_URL_SQS", sqs.server.endpoint().as_str())
            .env("AWS_ACCESS_KEY_ID", SqsServer::ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SqsServer::SECRET_KEY)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", "/nonexistent")
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_DEFAULT_REGION");
        run
    };
    let with_region = run().env("AWS_REGION", SqsServer::REGION).output().unwrap();
    let said = String::from_utf8_lossy(&with_region.stdout).into_owned();
    assert!(
        with_region.status.success() && said.contains("1 passed"),
        "{said}"
    );
    let without = run().env_remove("AWS_REGION").output().unwrap();
    let said = [without.stdout, without.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(
        !without.status.success() && said.contains("Region"),
        "{said}"
    );
}
