//! Jobs by reference: no queue holds a Twitter token, and workers redeem tickets at the real program.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path, sync::Arc};

use lemon_test_servers::SqsServer;
use lemon_tests::{Answer, System, SystemBuilder, wait_until};
use serde_json::{Value, json};

const KEY: &str = "a-key-of-the-workers-for-this-test-alone";
const ROLES: [&str; 4] = ["train", "ready", "notify", "delete"];

/// The program with jobs by reference.
fn by_reference() -> SystemBuilder {
    System::builder()
        .env("LEMON_QUEUE__CREDENTIALS", "reference")
        .env("LEMON_WORKERS__KEYS", KEY)
        .env("LEMON_LOG__FORMAT", "json")
        .env("LEMON_LOG__FILTER", "trace")
}

/// A system without workers, on queues of its own.
struct Site {
    sqs: Arc<SqsServer>,
    prefix: String,
    system: System,
}

impl Site {
    async fn start() -> Self {
        let sqs = SqsServer::get().await;
        let prefix = sqs.queue_prefix();
        let builder = ROLES.iter().fold(by_reference(), |system, role| {
            let variable = format!("LEMON_SERVICES__LEARN_ME__QUEUES__{}", role.to_uppercase());
            system.env(&variable, &format!("{prefix}{role}"))
        });
        let builder = builder
            .env("LEMON_QUEUE__URL", "sqs")
            .env("LEMON_SANDBOX__WORKERS", "false")
            .env("AWS_ENDPOINT_URL", sqs.endpoint().as_str())
            .env("AWS_REGION", SqsServer::REGION)
            .env("AWS_ACCESS_KEY_ID", SqsServer::ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SqsServer::SECRET_KEY);
        let made = builder.run(&["queues", "create"]).await;
        assert!(made.status.success(), "{made:?}");
        let system = builder.start().await;
        Self {
            sqs,
            prefix,
            system,
        }
    }

    /// The next job on a queue.
    async fn job(&self, role: &str) -> Value {
        let queue = format!("{}{role}", self.prefix);
        let body = wait_until("a job is sent", async || self.sqs.take(&queue).await).await;
        serde_json::from_str(&body).unwrap()
    }

    async fn send_ready(&self, job: &Value) {
        let user_id: i64 = job["user_id"].as_str().unwrap().parse().unwrap();
        let ready = json!({
            "oauth_user_id": user_id, "oauth_type": "TWITTER", "service_name": "LEARNME",
            "request_id": job["request_id"],
        });
        let queue = format!("{}ready", self.prefix);
        self.sqs.send(&queue, &ready.to_string()).await;
    }

    async fn redeem(&self, job: &Value) -> Answer {
        redeem(&self.system, KEY, job).await
    }
}

async fn redeem(system: &System, key: &str, job: &Value) -> Answer {
    let call = system.client().post(system.credentials_url());
    let answer = call.bearer_auth(key).json(job).send().await.unwrap();
    Answer::read(answer).await.unwrap()
}

/// The sandbox's access tokens begin as Twitter's do: the person's number, a hyphen.
fn assert_no_token(job: &Value, twitter_id: &str) {
    let text = job.to_string();
    assert!(!text.contains(&format!("{twitter_id}-")), "{text}");
    assert!(job["access_token"].is_null() && job["access_secret"].is_null());
    assert_eq!(job["ticket"].as_str().unwrap().len(), 43);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_queue_holds_a_token_and_a_worker_gets_it_for_its_job_alone() {
    let site = Site::start().await;
    let person = site.system.sign_in(1).await;
    person.register(None).await.must_be(201);
    let train = site.job("train").await;
    assert_no_token(&train, &person.twitter_id);

    let refused = redeem(
        &site.system,
        "another-key-of-the-same-length-or-longer!",
        &train,
    )
    .await;
    assert_eq!(
        (refused.status, refused.code()),
        (401, Some("worker_key_invalid"))
    );
    let credentials = site.redeem(&train).await.must_be(200);
    assert_eq!(credentials["user_id"], person.twitter_id.as_str());
    let token = credentials["access_token"].as_str().unwrap().to_owned();
    assert!(token.starts_with(&format!("{}-", person.twitter_id)));
    // It is delivered again, because a worker did not get the answer.
    let again = site.redeem(&train).await.must_be(200);
    assert_eq!(again, credentials);
    // The ticket of one job in the hands of another.
    let other = site.system.sign_in(2).await;
    other.register(None).await.must_be(201);
    let mut foreign = site.job("train").await;
    foreign["ticket"] = train["ticket"].clone();
    let refused = site.redeem(&foreign).await;
    assert_eq!(
        (refused.status, refused.code()),
        (404, Some("ticket_unknown"))
    );

    site.send_ready(&train).await;
    let notify = site.job("notify").await;
    assert_no_token(&notify, &person.twitter_id);
    let after = site.redeem(&train).await;
    assert_eq!((after.status, after.code()), (410, Some("ticket_void")));
    let for_post = site.redeem(&notify).await.must_be(200);
    assert_eq!(for_post["access_token"], token.as_str());

    let id = person.twitter_id.as_str();
    let deleted = site.system.run(&["people", "delete", id, "--yes"]).await;
    assert!(deleted.status.success(), "{deleted:?}");
    site.system.sign_in(1).await;
    let after = site.redeem(&notify).await;
    assert_eq!((after.status, after.code()), (410, Some("ticket_void")));
    let (secret, log) = (
        credentials["access_secret"].as_str().unwrap(),
        site.system.log_lines(),
    );
    for hidden in [&token, secret, KEY, train["ticket"].as_str().unwrap()] {
        assert!(!log.iter().any(|line| line.contains(hidden)), "{hidden}");
    }
    let audited = |message: &str| {
        let lines = log
            .iter()
            .filter_map(|line| serde_json::from_str(line).ok());
        let mut lines = lines.filter(|line: &Value| line["message"] == message);
        lines
            .find(|line| line["request.id"] == train["request_id"])
            .unwrap()
    };
    let granted = audited("a worker got the credentials for a job");
    assert_eq!(granted["audit"], true);
    assert_eq!(granted["account.id"], format!("TWITTER:{id}"));
    let refused = audited("a worker got no credentials for a job");
    assert_eq!(refused["audit"], true);
    let series = "lemon_job_tickets_redeemed_total{outcome=\"void\"} 2";
    let metrics = site.system.client().get(site.system.ops_url("/metrics"));
    let metrics = metrics.send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains(series), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_redeemed_too_often_and_is_announced_again_has_a_fresh_ticket() {
    let site = Site::start().await;
    let person = site.system.sign_in(1).await;
    person.register(None).await.must_be(201);
    let first = site.job("train").await;
    for _ in 0..5 {
        site.redeem(&first).await.must_be(200);
    }
    let over = site.redeem(&first).await;
    assert_eq!((over.status, over.code()), (410, Some("ticket_used")));
    let second = site.job("train").await;
    assert_eq!(second["request_id"], first["request_id"]);
    assert_ne!(second["ticket"], first["ticket"]);
    site.redeem(&second).await.must_be(200);
    let request = first["request_id"].as_str().unwrap();
    let retried = site.system.run(&["registrations", "retry", request]).await;
    assert!(retried.status.success(), "{retried:?}");
    let third = site.job("train").await;
    assert_ne!(third["ticket"], second["ticket"]);
    site.redeem(&third).await.must_be(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stand_in_workers_do_jobs_by_reference_on_one_machine() {
    let folder = tempfile::tempdir().unwrap();
    let builder = by_reference()
        .data_dir(folder.path())
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "0");
    let mut system = builder.start().await;
    let person = system.sign_in(1).await;
    person.register(None).await.must_be(201);
    person.wait_until_ready().await;
    wait_until("the person is told", async || {
        (person.notifications().await.len() == 1).then_some(())
    })
    .await;
    assert!(system.terminate().await.success());
    assert!(!holds(folder.path(), KEY.as_bytes()));
}

/// Whether a file of the folder has this text.
fn holds(folder: &Path, text: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|file| {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        bytes.windows(text.len()).any(|window| window == text)
    })
}

#[tokio::test]
async fn jobs_by_reference_need_a_worker_key() {
    let keyless = System::builder().env("LEMON_QUEUE__CREDENTIALS", "reference");
    for command in ["check", "serve"] {
        let refused = keyless.run(&[command]).await;
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        let told = String::from_utf8(refused.stderr).unwrap();
        assert!(told.contains("LEMON_WORKERS__KEYS"), "{told}");
    }
}
