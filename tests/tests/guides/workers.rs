//! The workers of the guide do every job of a real system.

use std::{fs, path::Path, process::Stdio, sync::Arc};

use lemon_test_servers::SqsServer;
use lemon_tests::{Person, System, SystemBuilder, wait_until};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::workshop::{Workshop, printed};

/// Somebody who has never signed in.
const STRANGER: &str = "1234567890123456789";
const REQUEST: &str = "6c84fb90-12c4-11e1-840d-7b25c5ee775a";

/// Results of other registrations of a person.
const EARLIER: &str = "1700000000000-0b6d2c10-0f0e-4f0c-9f0a-7b25c5ee775a";
const LATER: &str = "9999999999999-1c7e3d21-0f0e-4f0c-9f0a-7b25c5ee775a";

const WORKER_KEY: &str = "a-key-of-the-workers-for-these-tests-alone";

const ROLES: [&str; 4] = ["train", "ready", "notify", "delete"];

/// Calls the function of the guide as Lambda does.
const LAMBDA: &str = include_str!("lambda.ts");
/// What the worker needs of the AWS SDK.
const CLIENT_SQS: &str = include_str!("client-sqs.ts");

/// A system without stand-in workers.
struct Site {
    sqs: Arc<SqsServer>,
    prefix: String,
    system: System,
}

impl Site {
    /// With jobs that carry credentials (`inline`), or a ticket (`reference`).
    async fn start(credentials: &str) -> Self {
        let sqs = SqsServer::get().await;
        let prefix = sqs.queue_prefix();
        let builder = ROLES.iter().fold(System::builder(), |system, role| {
            let variable = format!("LEMON_SERVICES__LEARN_ME__QUEUES__{}", role.to_uppercase());
            system.env(&variable, &format!("{prefix}{role}"))
        });
        let builder: SystemBuilder = aws(&sqs)
            .into_iter()
            .fold(builder, |system, (name, value)| system.env(name, &value))
            .env("LEMON_QUEUE__URL", "sqs")
            .env("LEMON_SANDBOX__WORKERS", "false")
            .env("LEMON_QUEUE__CREDENTIALS", credentials)
            .env("LEMON_WORKERS__KEYS", WORKER_KEY);
        printed(&builder.run(&["queues", "create"]).await);
        let system = builder.start().await;
        Self {
            sqs,
            prefix,
            system,
        }
    }

    fn queue_url(&self, role: &str) -> String {
        self.sqs.queue_url(&format!("{}{role}", self.prefix))
    }

    /// Starts a worker on the queues of jobs.
    fn hire(&self, mut worker: Command, store: &Path) -> Child {
        let jobs = ["train", "notify", "delete"].map(|role| self.queue_url(role));
        worker
            .args(jobs)
            .envs(aws(&self.sqs))
            .env("READY_QUEUE_URL", self.queue_url("ready"))
            .env("STORE", store)
            .env("CREDENTIALS_URL", self.system.credentials_url())
            .env("WORKER_KEY", WORKER_KEY)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    async fn send(&self, role: &str, body: &str) {
        let queue = format!("{}{role}", self.prefix);
        self.sqs.send(&queue, body).await;
    }

    /// Sends a training job, and waits until the ready message for it had this outcome.
    async fn train(&self, user: &str, request: &str, outcome: &str) {
        let job = json!({
            "finished": "spring_request_fetch_tweet", "user_id": user, "access_token": "token",
            "access_secret": "secret", "service_name": "LEARNME", "request_id": request,
        });
        self.send("train", &job.to_string()).await;
        wait_until("the ready message is handled", async || {
            let metrics = self.system.client().get(self.system.ops_url("/metrics"));
            let metrics = metrics.send().await.ok()?.text().await.ok()?;
            let counter = format!("lemon_ready_messages_total{{outcome=\"{outcome}\"}} 1");
            metrics.lines().any(|line| line == counter).then_some(())
        })
        .await;
    }
}

fn aws(sqs: &SqsServer) -> [(&'static str, String); 5] {
    [
        ("AWS_ENDPOINT_URL", sqs.endpoint().to_string()),
        ("AWS_REGION", SqsServer::REGION.to_owned()),
        // boto3's name for it.
        ("AWS_DEFAULT_REGION", SqsServer::REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", SqsServer::ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SqsServer::SECRET_KEY.to_owned()),
    ]
}

#[tokio::test]
async fn the_worker_in_python_does_every_job() {
    python_does_every_job("inline").await;
}

#[tokio::test]
async fn the_worker_in_python_does_every_job_by_reference() {
    python_does_every_job("reference").await;
}

async fn python_does_every_job(credentials: &str) {
    let workshop = Workshop::of("workers.md", &["worker.py"]);
    let mut worker = workshop.python();
    worker.arg("worker.py");
    does_every_job(&workshop, worker, credentials).await;
}

#[tokio::test]
async fn the_worker_in_typescript_does_every_job() {
    typescript_does_every_job("inline").await;
}

#[tokio::test]
async fn the_worker_in_typescript_does_every_job_by_reference() {
    typescript_does_every_job("reference").await;
}

async fn typescript_does_every_job(credentials: &str) {
    let workshop = Workshop::of("workers.md", &["worker.ts"]);
    workshop.put("lambda.ts", LAMBDA);
    workshop.put("client-sqs.ts", CLIENT_SQS);
    printed(&workshop.check(&["worker.ts", "lambda.ts"]).await);
    let mut worker = workshop.deno("run");
    worker.args(["--allow-all", "lambda.ts"]);
    does_every_job(&workshop, worker, credentials).await;
}

async fn does_every_job(workshop: &Workshop, worker: Command, credentials: &str) {
    let site = Site::start(credentials).await;
    let store = workshop.path("store");
    // A body that cannot be read stops nobody.
    site.send("train", "nonsense").await;
    let _worker = site.hire(worker, &store);
    let results = |user: &str| names(&store.join("LEARNME").join(user));

    let person = site.system.sign_in(1).await;
    person.register(None).await.must_be(201);
    assert_eq!(state(&person).await, "training");
    person.wait_until_ready().await;
    let result = results(&person.twitter_id);
    assert_eq!(result.len(), 1, "{result:?}");
    let told = wait_until("the person is told", async || {
        names(&store.join("told")).pop()
    })
    .await;
    assert!(result[0].ends_with(&told), "{told} is not of {result:?}");

    // The same job again: nothing is trained, and the ready message repeats what is known.
    site.train(&person.twitter_id, &told, "already_finished")
        .await;
    assert_eq!(results(&person.twitter_id), result);

    // Results of an earlier and of a later registration.
    for other in [EARLIER, LATER] {
        fs::write(
            store.join("LEARNME").join(&person.twitter_id).join(other),
            "",
        )
        .unwrap();
    }
    person.delete().await.must_be(200);
    wait_until("the result is deleted", async || {
        (results(&person.twitter_id) == [LATER]).then_some(())
    })
    .await;

    // What was trained for somebody who is not registered does not stay.
    site.train(STRANGER, REQUEST, "not_registered").await;
    wait_until("the stranger's result is deleted", async || {
        let is_there = store.join("LEARNME").join(STRANGER).is_dir();
        (is_there && results(STRANGER).is_empty()).then_some(())
    })
    .await;
}

/// How far the training is.
async fn state(person: &Person) -> Value {
    person.services().await.must_be(200)[0]["state"].clone()
}

/// The names of the files in a folder, which may not exist yet.
fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).into_iter().flatten();
    let names = files.map(|file| file.unwrap().file_name());
    names
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}
