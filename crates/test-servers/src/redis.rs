use std::{
    hash::{BuildHasher, Hasher, RandomState},
    io,
    path::Path,
    sync::{Arc, Weak},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Mutex,
    time::{Instant, sleep},
};
use url::Url;

use super::{
    Hold, TestService,
    local::{LocalServer, Stop, free_port},
    shared,
};

/// The number of ports that are tried: another process may take one first.
const ATTEMPTS: usize = 5;
/// The time-out for a server to answer.
const START_WITHIN: Duration = Duration::from_mins(1);

/// The server of the running tests.
static RUNNING: Mutex<Weak<RedisServer>> = Mutex::const_new(Weak::new());

/// A Redis, or Valkey, for tests.
#[derive(Debug)]
pub struct RedisServer {
    url: Url,
    _server: Option<Hold>,
}

impl RedisServer {
    /// The server of this process; it runs as long as a test holds it.
    ///
    /// # Panics
    /// If no way works.
    pub async fn get() -> Arc<Self> {
        shared(&RUNNING).await
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> Url {
        self.url.clone()
    }

    /// Its host and port.
    ///
    /// # Panics
    /// If the address was given without a host.
    #[must_use]
    pub fn address(&self) -> (String, u16) {
        let host = self.url.host_str().expect("a host").to_owned();
        (host, self.url.port().unwrap_or(6379))
    }

    /// A key prefix that no other test uses, in this or another process. The keys are not removed: if the address comes
    /// from the environment, it must be a server for tests.
    #[must_use]
    pub fn key_prefix(&self) -> String {
        format!("test-{:016x}", RandomState::new().build_hasher().finish())
    }

    /// Deletes every key with this prefix, as a flush or a failover would.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn forget(&self, key_prefix: &str) {
        let forget = format!(
            "EVAL \"for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end\" 0 {key_prefix}*"
        );
        let (host, port) = self.address();
        let answer = ask((&host, port), &forget).await;
        assert!(answer.is_ok_and(|answer| answer.starts_with("$-1")));
    }
}

#[async_trait]
impl TestService for RedisServer {
    const NAME: &'static str = "Redis";
    const VARIABLE: &'static str = "LEMON_TEST_REDIS_URL";
    const PROGRAMS: &'static [&'static str] = &["redis-server", "valkey-server"];

    fn at(url: String) -> Result<Self, String> {
        let url =
            Url::parse(&url).map_err(|error| format!("{} is wrong: {error}", Self::VARIABLE))?;
        Ok(Self { url, _server: None })
    }

    #[cfg(feature = "docker")]
    async fn contained() -> Result<Self, String> {
        let (container, url) = super::docker::redis().await?;
        Ok(Self {
            _server: Some(Box::new(container)),
            ..Self::at(url)?
        })
    }

    fn address(&self) -> (String, u16) {
        Self::address(self)
    }

    async fn warm_up(&self) -> io::Result<()> {
        let (host, port) = self.address();
        let key = self.key_prefix();
        let script = format!(
            "EVAL \"redis.call('HSET', ARGV[1], 'a', '1'); return redis.call('DEL', ARGV[1])\" 0 {key}"
        );
        let answer = ask((&host, port), &script).await?;
        // A server with a password refuses this caller; a server that is not ready yet answers something else.
        if [":1", "-NOAUTH"].iter().any(|is| answer.starts_with(is)) {
            return Ok(());
        }
        Err(io::Error::other(answer))
    }

    async fn started(program: &str) -> Result<Self, String> {
        for _ in 0..ATTEMPTS {
            let port = free_port();
            let server = LocalServer::start(program, Stop::Term, |folder| {
                let (port, folder) = (port.to_string(), folder.to_string_lossy());
                let args = [
                    "--bind",
                    "127.0.0.1",
                    "--port",
                    &port,
                    "--dir",
                    &folder,
                    "--save",
                    "",
                ];
                args.map(ToOwned::to_owned).into()
            })?;
            if is_up(port, server.folder()).await {
                let url = format!("redis://127.0.0.1:{port}");
                return Ok(Self {
                    _server: Some(Box::new(server)),
                    ..Self::at(url)?
                });
            }
        }
        Err(format!("{program} does not answer"))
    }
}

/// Waits until the server in a folder answers; another server on the same port would name another folder.
async fn is_up(port: u16, folder: &Path) -> bool {
    let give_up = Instant::now() + START_WITHIN;
    while Instant::now() < give_up {
        match ask(("127.0.0.1", port), "CONFIG GET dir").await {
            Ok(answer) => return answer.contains(&*folder.to_string_lossy()),
            Err(_) => sleep(Duration::from_millis(5)).await,
        }
    }
    false
}

/// The server's answer to a command.
async fn ask(server: (&str, u16), command: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(server).await?;
    let conversation = format!("{command}\r\nQUIT\r\n");
    stream.write_all(conversation.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
