use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use reqwest::{Client, ClientBuilder, redirect};

use crate::config::TwitterConfig;

const USER_AGENT: &str = concat!("lemon-toolbox/", env!("CARGO_PKG_VERSION"));

/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(20);
/// A silent connection is probed after this time, then each second, and is closed after three failed probes: a dead one
/// is noticed within ten seconds.
const KEEPALIVE: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);
const KEEPALIVE_RETRIES: u32 = 3;
/// The same limit for sent data that is not acknowledged.
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(8);
/// The same for HTTP/2, where all calls share a connection.
const PING: Duration = Duration::from_secs(4);

/// Connections to Twitter. All are abandoned when one of them is silent: after a cut, each of them would cost a
/// deadline.
#[derive(Debug)]
pub(crate) struct HttpGenerations {
    /// The settings for new ones, and whether to ignore proxies; `None` if the connections are the caller's.
    remade: Option<(TwitterConfig, bool)>,
    current: Mutex<HttpGeneration>,
}

/// The connections that were made between two silences.
#[derive(Debug, Clone)]
pub(crate) struct HttpGeneration {
    pub(crate) http: Client,
    number: u64,
}

impl HttpGenerations {
    pub(crate) fn new(config: &TwitterConfig, without_proxy: bool) -> Result<Self, reqwest::Error> {
        let http = builder(config, without_proxy).build()?;
        Ok(Self {
            remade: Some((config.clone(), without_proxy)),
            ..Self::of(http)
        })
    }

    /// Uses the connections of the caller's client, which are never replaced.
    pub(crate) fn of(http: Client) -> Self {
        Self {
            remade: None,
            current: Mutex::new(HttpGeneration { http, number: 0 }),
        }
    }

    pub(crate) fn current(&self) -> HttpGeneration {
        self.lock().clone()
    }

    /// Replaces the connections if one of them did not answer, unless they have been replaced already.
    pub(crate) fn give_up(&self, silent: &HttpGeneration) {
        let Some((config, without_proxy)) = &self.remade else {
            return;
        };
        let mut current = self.lock();
        if current.number != silent.number {
            return;
        }
        match builder(config, *without_proxy).build() {
            Ok(http) => {
                let number = current.number + 1;
                *current = HttpGeneration { http, number };
            }
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "the connections to Twitter cannot be replaced"
            ),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HttpGeneration> {
        self.current.lock()
    }
}

fn builder(config: &TwitterConfig, without_proxy: bool) -> ClientBuilder {
    let builder = Client::builder()
        .user_agent(USER_AGENT)
        .redirect(redirect::Policy::none())
        .connect_timeout(config.connect_deadline())
        .pool_idle_timeout(IDLE)
        .tcp_keepalive(KEEPALIVE)
        .tcp_keepalive_interval(KEEPALIVE_INTERVAL)
        .tcp_keepalive_retries(KEEPALIVE_RETRIES)
        .http2_keep_alive_interval(PING)
        .http2_keep_alive_timeout(PING)
        .http2_keep_alive_while_idle(true);
    #[cfg(target_os = "linux")]
    let builder = builder.tcp_user_timeout(USER_TIMEOUT);
    if without_proxy {
        builder.no_proxy()
    } else {
        builder
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        time::timeout,
    };

    use super::*;
    use crate::config::TwitterApp;

    /// The first bytes of a client, <https://www.rfc-editor.org/rfc/rfc9113.html#section-3.4>.
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    /// The type of a ping frame, and an empty settings frame, <https://www.rfc-editor.org/rfc/rfc9113.html#section-6>.
    const PING_FRAME: u8 = 6;
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

    /// Accepts one connection, reads from it, and sends nothing except the HTTP/2 settings. Answers the number of pings
    /// that came until the client gave up.
    async fn silent(listener: TcpListener) -> usize {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut preface = [0; PREFACE.len()];
        stream.read_exact(&mut preface).await.unwrap();
        assert_eq!(preface, PREFACE);
        stream.write_all(&SETTINGS).await.unwrap();
        let mut pings = 0;
        let mut head = [0; 9];
        while stream.read_exact(&mut head).await.is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            stream.read_exact(&mut payload).await.unwrap();
            pings += usize::from(head[3] == PING_FRAME);
        }
        pings
    }

    #[tokio::test]
    async fn an_http_2_connection_that_does_not_answer_a_ping_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let app = TwitterApp {
            consumer_key: String::new().into(),
            consumer_secret: String::new().into(),
            callback_url: url.parse().unwrap(),
        };
        let config = TwitterConfig::new(url.parse().unwrap(), app)
            .with_deadline(Duration::from_secs(5 * 60));
        let http = builder(&config, true).http2_prior_knowledge().build();
        let call = http.unwrap().get(url).send();
        let both = async { tokio::join!(call, silent(listener)) };
        let (answer, pings) = timeout(Duration::from_secs(60), both).await.unwrap();
        assert!(answer.is_err(), "{answer:?}");
        assert!(pings > 0);
    }
}
