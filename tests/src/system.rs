mod begun;
mod builder;
mod person;

use std::{
    collections::BTreeSet,
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};

use reqwest::{Client, redirect};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, timeout},
};

pub use self::{begun::Begun, builder::SystemBuilder, person::Person};
use crate::{
    binary::binary,
    log::{Addresses, Log},
    wait::{PATIENCE, wait_until},
};

/// How the program says that it cannot listen.
const PORT_TAKEN: &str = "another program has the port";

/// A running `lemon-toolbox serve`. It is killed when this is dropped.
pub struct System {
    builder: SystemBuilder,
    /// The working folder of the process, so that it finds no configuration by accident; by default it contains the
    /// data folder.
    home: TempDir,
    log: Log,
    process: Option<Process>,
    addresses: Addresses,
    ready_after: Duration,
    client: Client,
}

/// A system that exited before it was ready.
#[derive(Debug)]
pub struct EarlyExit {
    /// The exit status.
    pub status: ExitStatus,
    /// What it wrote to stderr.
    pub log: Vec<String>,
}

struct Process {
    child: Child,
    follower: JoinHandle<()>,
}

impl System {
    /// The settings of a system: a separate data folder and free ports, everything else by default.
    #[must_use]
    pub fn builder() -> SystemBuilder {
        SystemBuilder::new()
    }

    /// The address of the API.
    #[must_use]
    pub fn http_address(&self) -> SocketAddr {
        self.addresses.http
    }

    /// A URL of the API.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses.http)
    }

    /// A URL of health and metrics.
    #[must_use]
    pub fn ops_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses.ops)
    }

    /// A URL of the sandbox.
    #[must_use]
    pub fn sandbox_url(&self, path: &str) -> String {
        let address = self.addresses.sandbox.expect("the sandbox is on");
        format!("http://{address}{path}")
    }

    /// Where workers redeem tickets.
    #[must_use]
    pub fn credentials_url(&self) -> String {
        let address = self.addresses.workers.expect("workers have a key");
        format!("http://{address}/internal/credentials")
    }

    /// A client that follows no redirect.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The data folder.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        data_dir(&self.builder, self.home.path())
    }

    /// The process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref()?.child.id()
    }

    /// The time of the latest start, from the spawn to the line that says that it is ready.
    #[must_use]
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// The lines that were logged so far, over all starts.
    #[must_use]
    pub fn log_lines(&self) -> Vec<String> {
        self.log.lines()
    }

    /// The requests whose training job was sent, according to the log.
    #[must_use]
    pub fn sent_trainings(&self) -> BTreeSet<String> {
        self.log_lines()
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|line| line["message"] == "a job is sent" && line["task"] == "train")
            .map(|line| line["request.id"].as_str().expect("a text").to_owned())
            .collect()
    }

    /// Signs in the `n`-th made-up person, as the web app and a browser would.
    pub async fn sign_in(&self, n: u32) -> Person {
        Person::sign_in(self, self, n).await
    }

    /// The same, with the sandbox of another system as this one's Twitter.
    pub async fn sign_in_by(&self, twitter: &Self, n: u32) -> Person {
        Person::sign_in(self, twitter, n).await
    }

    /// Begins a sign-in without a browser, and agrees to it as the `n`-th person; answers the address to which Twitter
    /// leads back.
    pub async fn way_back(&self, n: u32) -> String {
        let (token, verifier) = person::agree(self, n).await;
        self.url(&format!("/?oauth_token={token}&oauth_verifier={verifier}"))
    }

    /// Kills the process (`SIGKILL`), as a crash would.
    pub async fn kill(&mut self) {
        let mut process = self.process.take().expect("the system runs");
        process
            .child
            .kill()
            .await
            .expect("the process can be killed");
        process.follower.await.expect("the log was followed");
    }

    /// Runs another command of the program with the same settings and data folder, and waits for its end.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = command(&self.builder, self.home.path());
        let output = command.args(arguments).output().await;
        output.expect("the binary can be started")
    }

    /// Asks the process to end (`SIGTERM`).
    pub fn ask_to_end(&self) {
        let process = self.process.as_ref().expect("the system runs");
        process.signal(Signal::TERM);
    }

    /// Asks the process to end (`SIGTERM`) and waits until it has.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.ask_to_end();
        self.ended().await
    }

    /// Waits until the process has ended without a signal.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("the system runs");
        match timeout(PATIENCE, process.child.wait()).await {
            Ok(status) => {
                process.follower.await.expect("the log was followed");
                status.expect("the exit status can be read")
            }
            Err(elapsed) => panic!("still running: {elapsed}\n{}", self.log.lines().join("\n")),
        }
    }

    /// Starts again in the same folder on the same ports; if the process runs, it is terminated gracefully first.
    pub async fn restart(&mut self) {
        if self.process.is_some() {
            self.terminate().await;
        }
        let started = wait_until("the ports are free again", async || {
            match Started::start(&self.builder, self.home.path(), &self.log).await {
                Ok(started) => Some(started),
                // A connection of somebody else may have taken one meanwhile, for as long as it lasts.
                Err(exit) if exit.log.last()?.contains(PORT_TAKEN) => None,
                Err(exit) => panic!("{exit}"),
            }
        });
        let started = started.await;
        self.process = Some(started.process);
        self.ready_after = started.after;
    }

    pub(crate) async fn launch(mut builder: SystemBuilder) -> Result<Self, EarlyExit> {
        let home = TempDir::with_prefix("lemon-").expect("a temporary folder can be made");
        let log = Log::default();
        let started = Started::start(&builder, home.path(), &log).await?;
        let addresses = started.addresses;
        // People have URLs that contain the sandbox's address, and keep using the API's: so a restart uses the same
        // ports.
        builder = builder
            .env("LEMON_HTTP__LISTEN", &addresses.http.to_string())
            .env("LEMON_OPS__LISTEN", &addresses.ops.to_string());
        if let Some(sandbox) = addresses.sandbox {
            builder = builder.env("LEMON_SANDBOX__LISTEN", &sandbox.to_string());
        }
        Ok(Self {
            builder,
            home,
            log,
            process: Some(started.process),
            addresses,
            ready_after: started.after,
            client: client(),
        })
    }
}

impl Process {
    fn signal(&self, signal: Signal) {
        let id = self.child.id().expect("the process was not waited for");
        let id = id.try_into().ok().and_then(Pid::from_raw);
        kill_process(id.expect("a process id is positive"), signal).expect("the process lives");
    }
}

/// A process that has logged that it is ready.
struct Started {
    process: Process,
    addresses: Addresses,
    after: Duration,
}

impl Started {
    async fn start(builder: &SystemBuilder, home: &Path, log: &Log) -> Result<Self, EarlyExit> {
        let mut command = command(builder, home);
        command
            .arg("serve")
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let start = Instant::now();
        let mut child = command.spawn().expect("the binary can be started");
        let stderr = child.stderr.take().expect("stderr is piped");
        let (ready, is_ready) = oneshot::channel();
        let follower = tokio::spawn(log.clone().follow(stderr, ready));
        match timeout(PATIENCE, is_ready).await {
            Ok(Ok(addresses)) => Ok(Self {
                process: Process { child, follower },
                addresses,
                after: start.elapsed(),
            }),
            // Its stderr is closed: it has exited, or will exit soon.
            Ok(Err(_)) => Err(EarlyExit {
                status: child.wait().await.expect("the exit status can be read"),
                log: log.lines(),
            }),
            Err(elapsed) => panic!("not ready: {elapsed}\n{}", log.lines().join("\n")),
        }
    }
}

impl std::fmt::Display for EarlyExit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not ready, but {}\n{}", self.status, self.log.join("\n"))
    }
}

impl std::error::Error for EarlyExit {}

/// The program with only these settings, and without a subcommand.
pub(crate) fn command(builder: &SystemBuilder, home: &Path) -> Command {
    let mut command = match builder.descriptors {
        None => Command::new(binary()),
        Some(most) => {
            let mut shell = Command::new("sh");
            let limited = format!("ulimit -n {most} && exec \"$0\" \"$@\"");
            shell.arg("-c").arg(limited).arg(binary());
            shell
        }
    };
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("LEMON_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command
        .env("LEMON_DATA_DIR", data_dir(builder, home))
        .envs(&builder.settings)
        .current_dir(home)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

fn data_dir(builder: &SystemBuilder, home: &Path) -> PathBuf {
    builder
        .data_dir
        .clone()
        .unwrap_or_else(|| home.join("data"))
}

fn client() -> Client {
    Client::builder()
        .redirect(redirect::Policy::none())
        .timeout(PATIENCE)
        .no_proxy()
        .build()
        .expect("the client's settings fit")
}
