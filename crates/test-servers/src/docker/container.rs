use std::{
    collections::BTreeMap,
    fmt::Debug,
    hash::{BuildHasher, Hasher, RandomState},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

use testcontainers_modules::testcontainers::{
    ContainerAsync, ContainerRequest, Image as Module, ImageExt, bollard::Docker,
    core::client::docker_client_instance, runners::AsyncRunner,
};
use tokio::{
    runtime::Builder,
    sync::{Mutex, oneshot},
    time::timeout,
};

use super::image::{Reference, TestImage};
use crate::tell;

/// The time-out for the engine's answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// The time-out for a server to become ready.
const START_WITHIN: Duration = Duration::from_mins(2);

/// The number of lines that are shown of the log of a server that ended unexpectedly.
const LAST_LINES: usize = 20;

/// Removes a container when standard input ends, which happens when the test's process ends in any way. Usually the
/// container is gone by then.
const LEASH: &str = r#"cat >/dev/null; exec docker rm --force --volumes "$1""#;

/// A server in a container, which is removed when this is dropped.
///
/// It lives on a thread with a separate runtime: the runtimes of the tests that share it begin and end, and the last
/// test may be unwinding.
#[derive(Debug)]
pub(crate) struct Container {
    address: String,
    end: Option<oneshot::Sender<()>>,
    keeper: Option<JoinHandle<()>>,
}

impl Container {
    /// Starts a server and waits until it is ready. `port` is the port inside of the container.
    pub(super) async fn start<M: Module + Debug + 'static>(
        image: TestImage,
        request: impl Into<ContainerRequest<M>>,
        port: u16,
    ) -> Result<Self, String> {
        let request = request.into();
        let (started, is_started) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let keeper = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime can be made");
            runtime.block_on(async {
                let leash = Leash::new();
                let name = &leash.container;
                match run(image, request.with_container_name(name), port).await {
                    Ok((container, address)) => {
                        if started.send(Ok(address)).is_ok() {
                            ended.await.ok();
                        }
                        tell_if_it_ended(name, &container).await;
                        container.rm().await.ok();
                    }
                    Err(fault) => drop(started.send(Err(fault))),
                }
            });
        });
        let address = is_started.await.expect("the thread answers")?;
        Ok(Self {
            address,
            end: Some(end),
            keeper: Some(keeper),
        })
    }

    /// Host and port, as the authority of a URL.
    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(keeper) = self.keeper.take() {
            keeper.join().ok();
        }
    }
}

async fn run<M: Module>(
    image: TestImage,
    request: ContainerRequest<M>,
    port: u16,
) -> Result<(ContainerAsync<M>, String), String> {
    let image = prepared(image).await?;
    let started = request
        .with_name(image.name)
        .with_tag(image.tag)
        .with_startup_timeout(START_WITHIN)
        .start();
    let container = started.await.map_err(|error| chain(&error))?;
    let host = container.get_host().await.map_err(|error| chain(&error))?;
    let port = container.get_host_port_ipv4(port).await;
    let port = port.map_err(|error| chain(&error))?;
    // Its IPv6 port is different.
    let host = host.to_string().replace("localhost", "127.0.0.1");
    Ok((container, format!("{host}:{port}")))
}

/// Shows the last log lines of a server that ended unexpectedly: that is why tests have failed.
async fn tell_if_it_ended<M: Module>(name: &str, container: &ContainerAsync<M>) {
    if container.is_running().await.unwrap_or(true) {
        return;
    }
    let said = [
        container.stdout_to_vec().await,
        container.stderr_to_vec().await,
    ];
    let said = said.map(Result::unwrap_or_default).concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<_> = said.lines().collect();
    let last = lines.len().saturating_sub(LAST_LINES);
    let last = lines[last..].join("\n");
    tell(&format!(
        "the container {name} has ended unexpectedly:\n{last}"
    ));
}

/// An image that the engine has. A failure is remembered, so that the other tests of the process do not repeat it.
async fn prepared(image: TestImage) -> Result<Reference, String> {
    static FAULTS: Mutex<BTreeMap<&str, String>> = Mutex::const_new(BTreeMap::new());
    let mut faults = FAULTS.lock().await;
    if let Some(fault) = faults.get(image.variable) {
        return Err(fault.clone());
    }
    let prepared = match engine().await {
        Ok(docker) => image.get(&docker).await,
        Err(fault) => Err(fault),
    };
    if let Err(fault) = &prepared {
        faults.insert(image.variable, fault.clone());
    }
    prepared
}

/// The engine, if it answers.
async fn engine() -> Result<Docker, String> {
    let docker = docker_client_instance().await.map_err(|e| chain(&e))?;
    match timeout(ANSWER_WITHIN, docker.ping()).await {
        Ok(Ok(_)) => Ok(docker),
        Ok(Err(error)) => Err(format!("no engine answers: {}", chain(&error))),
        Err(_) => Err("no engine answers in time".to_owned()),
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_words = cause.to_string();
        if !words.contains(&cause_words) {
            words = format!("{words}: {cause_words}");
        }
        source = cause.source();
    }
    words
}

/// A name for a container, and a process that removes the container when this process is gone. Without a `docker`
/// program, a killed test leaves its container behind, and so does each process that uses SQS, whose server runs to the
/// end.
struct Leash {
    container: String,
    process: Option<Child>,
}

impl Leash {
    fn new() -> Self {
        let random = RandomState::new().build_hasher().finish();
        let container = format!("lemon-test-{random:016x}");
        let process = Command::new("sh")
            .args(["-c", LEASH, "sh", &container])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A signal of the terminal to its whole process group must not end this process first.
            .process_group(0)
            .spawn()
            .ok();
        Self { container, process }
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            drop(process.stdin.take());
            process.wait().ok();
        }
    }
}
