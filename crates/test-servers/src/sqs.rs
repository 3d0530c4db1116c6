mod calls;
mod warm_up;

use std::{
    env, fs,
    hash::{BuildHasher, Hasher, RandomState},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use serde_json::json;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};
use url::Url;

use self::calls::call;
use super::{
    Hold, TestService, alive, find,
    local::{LocalServer, Stop, free_port},
};

/// The number of ports that are tried: another process may take one first.
const ATTEMPTS: usize = 3;
/// The time-out for a server to answer: it needs seconds, even on an idle machine.
const START_WITHIN: Duration = Duration::from_mins(1);

/// The account that the server assumes for its callers.
const ACCOUNT: &str = "000000000000";

/// The variable that names a Python environment with `LocalStack`, and the default, in the workspace.
const ENVIRONMENT: (&str, &str) = ("LEMON_TEST_LOCALSTACK", "target/localstack");

/// Runs `LocalStack` with only SQS until it is told to end, and then removes its folder, because the test's process may
/// be gone. It has nothing to save, so it gets no time to do so.
const START: &str = r#"
folder=$1 port=$2 python=$3
export OVERRIDE_IN_DOCKER=0 FILESYSTEM_ROOT="$folder/state" \
    GATEWAY_LISTEN="127.0.0.1:$port" LOCALSTACK_HOST="127.0.0.1:$port" \
    SERVICES=sqs STRICT_SERVICE_LOADING=1 EAGER_SERVICE_LOADING=1 DISABLE_EVENTS=1 \
    SKIP_SSL_CERT_DOWNLOAD=1 DNS_ADDRESS=0 SQS_ENDPOINT_STRATEGY=path \
    SQS_DISABLE_CLOUDWATCH_METRICS=1 SQS_ENABLE_MESSAGE_RETENTION_PERIOD=1 LS_LOG=error
"$python" -m localstack.runtime.main >"$folder/log" 2>&1 &
trap 'kill -s KILL $!; wait $!; rm -rf "$folder"; exit' TERM
wait $!
echo "It ended." >>"$folder/log"
"#;

/// The server of this process. It takes seconds to start, so it runs to the end.
static RUNNING: Mutex<Option<Arc<SqsServer>>> = Mutex::const_new(None);

/// An SQS for tests.
#[derive(Debug)]
pub struct SqsServer {
    endpoint: Url,
    _server: Option<Hold>,
}

impl SqsServer {
    /// The region to use.
    pub const REGION: &str = "us-east-1";
    /// The access key id that it accepts; it does not check the secret.
    pub const ACCESS_KEY: &str = "test";
    /// The secret access key.
    pub const SECRET_KEY: &str = "test";

    /// The server of this process.
    ///
    /// # Panics
    /// If no way works.
    pub async fn get() -> Arc<Self> {
        let mut running = RUNNING.lock().await;
        if let Some(server) = alive(running.clone()).await {
            return server;
        }
        let server = Arc::new(find::<Self>().await);
        *running = Some(Arc::clone(&server));
        server
    }

    /// Its address.
    #[must_use]
    pub fn endpoint(&self) -> Url {
        self.endpoint.clone()
    }

    /// Its host and port.
    ///
    /// # Panics
    /// If the address was given without a host.
    #[must_use]
    pub fn address(&self) -> (String, u16) {
        let host = self.endpoint.host_str().expect("a host").to_owned();
        (host, self.endpoint.port_or_known_default().unwrap_or(80))
    }

    /// The address of a queue.
    #[must_use]
    pub fn queue_url(&self, queue: &str) -> String {
        let endpoint = self.endpoint.as_str().trim_end_matches('/');
        format!("{endpoint}/{ACCOUNT}/{queue}")
    }

    /// Sends a message with this body unchanged, like a worker of somebody else.
    ///
    /// # Panics
    /// If the server does not accept it.
    pub async fn send(&self, queue: &str, body: &str) {
        let parameters = json!({
            "QueueUrl": self.queue_url(queue),
            "MessageBody": body,
        });
        let (host, port) = self.address();
        let sent = call((&host, port), "SendMessage", &parameters).await;
        let sent = sent.and_then(calls::SqsAnswer::accepted);
        assert!(sent.is_ok(), "{sent:?}");
    }

    /// Receives a message and deletes it, like a worker of somebody else; answers its body, or `None` if there is no message.
    ///
    /// # Panics
    /// If the server does not accept it.
    pub async fn take(&self, queue: &str) -> Option<String> {
        let (host, port) = self.address();
        let url = self.queue_url(queue);
        let receive = json!({ "QueueUrl": url, "MaxNumberOfMessages": 1, "WaitTimeSeconds": 1 });
        let received = call((&host, port), "ReceiveMessage", &receive).await;
        let received = received.and_then(calls::SqsAnswer::accepted);
        let message = received.expect("messages can be received")["Messages"][0].take();
        let body = message["Body"].as_str()?.to_owned();
        let delete = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
        let deleted = call((&host, port), "DeleteMessage", &delete).await;
        let deleted = deleted.and_then(calls::SqsAnswer::accepted);
        assert!(deleted.is_ok(), "{deleted:?}");
        Some(body)
    }

    /// A prefix of queue names that no other test uses, in this or another process. The queues are not removed: if the
    /// address comes from the environment, it must be a server for tests.
    #[must_use]
    pub fn queue_prefix(&self) -> String {
        format!("test-{:016x}-", RandomState::new().build_hasher().finish())
    }
}

#[async_trait]
impl TestService for SqsServer {
    const NAME: &'static str = "SQS";
    const VARIABLE: &'static str = "LEMON_TEST_SQS_URL";
    const PROGRAMS: &'static [&'static str] = &["LocalStack in a Python environment"];

    fn program() -> Result<String, String> {
        let folder = match env::var_os(ENVIRONMENT.0) {
            Some(folder) => PathBuf::from(folder),
            None => Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../..")
                .join(ENVIRONMENT.1),
        };
        let python = folder.join("bin/python");
        if python.is_file() {
            return Ok(python.to_string_lossy().into_owned());
        }
        Err(format!(
            "there is no {}; `cargo xtask test` makes it, {} names another",
            python.display(),
            ENVIRONMENT.0
        ))
    }

    fn at(url: String) -> Result<Self, String> {
        let endpoint =
            Url::parse(&url).map_err(|error| format!("{} is wrong: {error}", Self::VARIABLE))?;
        Ok(Self {
            endpoint,
            _server: None,
        })
    }

    #[cfg(feature = "docker")]
    async fn contained() -> Result<Self, String> {
        let (container, endpoint) = super::docker::sqs().await?;
        Ok(Self {
            _server: Some(Box::new(container)),
            ..Self::at(endpoint)?
        })
    }

    fn address(&self) -> (String, u16) {
        Self::address(self)
    }

    async fn warm_up(&self) -> io::Result<()> {
        let (host, port) = self.address();
        warm_up::warm_up((&host, port), &self.queue_prefix()).await
    }

    async fn started(program: &str) -> Result<Self, String> {
        let mut fault = String::new();
        for _ in 0..ATTEMPTS {
            let port = free_port();
            let server = LocalServer::start("sh", Stop::Term, |folder| {
                let (port, folder) = (port.to_string(), folder.to_string_lossy());
                let args = ["-c", START, "sh", &folder, &port, program];
                args.map(ToOwned::to_owned).into()
            })?;
            match is_ready(port, &server.folder().join("log")).await {
                Ok(()) => {
                    return Ok(Self {
                        _server: Some(Box::new(server)),
                        ..Self::at(format!("http://127.0.0.1:{port}"))?
                    });
                }
                Err(log) => fault = log,
            }
        }
        Err(format!(
            "{program} does not start as an SQS server: {fault}"
        ))
    }
}

/// Waits until the server that writes this log answers a first call. If the port is taken, it does not end, and another
/// server would answer: so both the log and the call decide.
async fn is_ready(port: u16, log: &Path) -> Result<(), String> {
    let give_up = Instant::now() + START_WITHIN;
    loop {
        let written = fs::read_to_string(log).unwrap_or_default();
        let failed = ["CannotListenError", "It ended."];
        if failed.iter().any(|line| written.contains(line)) || Instant::now() > give_up {
            let last: Vec<&str> = written.lines().rev().take(3).collect();
            return Err(last.join(" | "));
        }
        if written.contains("Ready.") && lists_queues(port).await.is_ok() {
            return Ok(());
        }
        sleep(Duration::from_millis(50)).await;
    }
}

async fn lists_queues(port: u16) -> io::Result<()> {
    let answer = call(("127.0.0.1", port), "ListQueues", &json!({})).await?;
    answer.accepted().map(drop)
}
