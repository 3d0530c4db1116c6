#![doc = include_str!("../README.md")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a server that is not there fails the test that asks for it"
)]

#[cfg(feature = "docker")]
mod docker;
mod link;
mod local;
#[cfg(feature = "postgres")]
mod pooler;
#[cfg(feature = "postgres")]
mod postgres;
mod python;
mod redis;
mod sqs;

use std::{
    collections::BTreeMap,
    env, fmt, io,
    str::FromStr,
    sync::{Arc, Weak},
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep, timeout, timeout_at},
};

pub use link::Link;
#[cfg(feature = "postgres")]
pub use pooler::{PoolMode, Pooler};
#[cfg(feature = "postgres")]
pub use postgres::PostgresServer;
pub use python::{interpreter, python};
pub use redis::RedisServer;
pub use sqs::SqsServer;

/// The variable that forces one way.
const FORCED: &str = "LEMON_TEST_SERVICES";

/// The time-out for a server to answer each kind of call.
const READY_WITHIN: Duration = Duration::from_mins(2);

/// The time-out for connecting to a server that was ready before.
const CONNECTED_WITHIN: Duration = Duration::from_secs(5);

/// The ways in which a test gets a real server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Its address is in the environment.
    Env,
    /// A container.
    Docker,
    /// A program of this machine.
    Local,
}

impl Way {
    /// All ways, or the one that `LEMON_TEST_SERVICES` forces.
    fn allowed() -> Vec<Self> {
        match env::var(FORCED) {
            Ok(name) => vec![name.parse().unwrap_or_else(|fault| panic!("{fault}"))],
            Err(_) => vec![Self::Env, Self::Docker, Self::Local],
        }
    }
}

impl FromStr for Way {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "env" => Ok(Self::Env),
            "docker" => Ok(Self::Docker),
            "local" => Ok(Self::Local),
            other => Err(format!("{FORCED} is {other:?}, not env, docker or local")),
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Env => "env",
            Self::Docker => "docker",
            Self::Local => "local",
        })
    }
}

/// Ends a server that was started, when it is dropped.
type Hold = Box<dyn fmt::Debug + Send + Sync>;

/// A kind of server, and how to get one in each way. Errors say why a way does not work.
#[async_trait]
trait TestService: Sized {
    /// Its name.
    const NAME: &'static str;
    /// The variable that holds its address.
    const VARIABLE: &'static str;
    /// The programs that can be started; the first that exists is used.
    const PROGRAMS: &'static [&'static str];

    /// The path of the program to start.
    fn program() -> Result<String, String> {
        local::program(Self::PROGRAMS)
    }

    /// The server at an address.
    fn at(url: String) -> Result<Self, String>;

    /// A server in a container.
    #[cfg(feature = "docker")]
    async fn contained() -> Result<Self, String>;

    /// A started program, by its path.
    async fn started(program: &str) -> Result<Self, String>;

    /// Its host and port.
    fn address(&self) -> (String, u16);

    /// Makes each kind of call that tests make, on resources that no test uses, without a deadline.
    async fn warm_up(&self) -> io::Result<()>;
}

/// A server, found in the first way that works. A failure is remembered, so that the other tests of the process do not
/// repeat it.
///
/// # Panics
/// If no way works; the message lists the ways and their faults.
async fn find<S: TestService>() -> S {
    static FAULTS: Mutex<BTreeMap<&str, String>> = Mutex::new(BTreeMap::new());
    let known = || FAULTS.lock();
    let mut faults = known().get(S::NAME).cloned();
    if faults.is_none() {
        match search().await {
            Ok(server) => return server,
            Err(fault) => faults = Some(known().entry(S::NAME).or_insert(fault).clone()),
        }
    }
    panic!(
        "this test needs {name}, and there is none.\n{faults}\n\
         Give an address in {variable}, start Docker, or install {programs}.",
        name = S::NAME,
        faults = faults.unwrap_or_default(),
        variable = S::VARIABLE,
        programs = S::PROGRAMS.join(" or "),
    );
}

async fn search<S: TestService>() -> Result<S, String> {
    let mut faults = Vec::new();
    for way in Way::allowed() {
        match come_by(way).await {
            Ok(server) => return Ok(server),
            Err(fault) => faults.push(format!("{way}: {fault}")),
        }
    }
    Err(faults.join("\n"))
}

async fn come_by<S: TestService>(way: Way) -> Result<S, String> {
    let server: S = match way {
        Way::Env => env::var(S::VARIABLE)
            .map_err(|_| format!("{} is not set", S::VARIABLE))
            .and_then(S::at),
        #[cfg(feature = "docker")]
        Way::Docker => S::contained().await,
        #[cfg(not(feature = "docker"))]
        Way::Docker => Err("lemon-test-servers was built without its feature `docker`".to_owned()),
        Way::Local => S::started(&S::program()?).await,
    }?;
    until_ready(server).await
}

/// The server that the running tests share: it runs as long as one of them holds it.
///
/// # Panics
/// As [`find`].
async fn shared<S: TestService>(running: &tokio::sync::Mutex<Weak<S>>) -> Arc<S> {
    let mut running = running.lock().await;
    if let Some(server) = alive(running.upgrade()).await {
        return server;
    }
    let server = Arc::new(find().await);
    *running = Arc::downgrade(&server);
    server
}

/// The shared server, if it still runs. If it has ended, the tests that were using it fail, but no others.
async fn alive<S: TestService>(server: Option<Arc<S>>) -> Option<Arc<S>> {
    let server = server?;
    let connected = timeout(CONNECTED_WITHIN, TcpStream::connect(server.address())).await;
    let has_ended = match connected {
        // When nothing listens on a port, a connection to it may come from that same port.
        Ok(Ok(stream)) => stream.local_addr().ok() == stream.peer_addr().ok(),
        Ok(Err(error)) => error.kind() == io::ErrorKind::ConnectionRefused,
        Err(_) => false,
    };
    if has_ended {
        tell(&format!("{} has ended unexpectedly", S::NAME));
    }
    (!has_ended).then_some(server)
}

#[expect(clippy::print_stderr, reason = "a test has no log")]
fn tell(what: &str) {
    eprintln!("{what}");
}

/// Waits until a server is ready.
async fn until_ready<S: TestService>(server: S) -> Result<S, String> {
    let give_up = Instant::now() + READY_WITHIN;
    let mut fault = "it does not answer".to_owned();
    while Instant::now() < give_up {
        match timeout_at(give_up, server.warm_up()).await {
            Ok(Ok(())) => return Ok(server),
            Ok(Err(error)) => fault = error.to_string(),
            Err(_) => break,
        }
        sleep(Duration::from_millis(50)).await;
    }
    Err(format!("it is not ready within {READY_WITHIN:?}: {fault}"))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_server_that_has_ended_is_not_shared_any_more() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let server = Arc::new(RedisServer::at(url).unwrap());
        assert!(alive(Some(Arc::clone(&server))).await.is_some());
        drop(listener);
        assert!(alive(Some(server)).await.is_none());
    }
}
