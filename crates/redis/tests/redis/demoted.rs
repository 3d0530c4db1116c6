//! A primary that has become a replica.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::future::try_join_all;
use lemon_domain::ports::{QuotaCounter, QuotaError};
use lemon_redis::{RedisConfig, RedisQuotaCounter};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

use crate::common::{daily, wish};

/// Answers as a primary does whose windows are all unknown, or as a replica does.
#[derive(Default)]
struct Double {
    demoted: AtomicBool,
    connections: AtomicU64,
    refused: AtomicU64,
}

impl Double {
    /// It, and where it is.
    async fn start() -> (Arc<Self>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let double = Arc::new(Self::default());
        let shared = Arc::clone(&double);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::Relaxed);
                let double = Arc::clone(&shared);
                tokio::spawn(async move { double.serve(connection).await });
            }
        });
        (double, url)
    }

    async fn serve(&self, connection: TcpStream) -> io::Result<()> {
        let mut connection = BufReader::new(connection);
        loop {
            let answer = match command(&mut connection).await?.as_str() {
                "PING" => "+PONG\r\n",
                "INFO" => "$20\r\nredis_version:7.0.15\r\n",
                "CLIENT" => ":1\r\n",
                "EVALSHA" if self.demoted.load(Ordering::Relaxed) => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    "-READONLY You can't write against a read only replica.\r\n"
                }
                "EVALSHA" => "*2\r\n$7\r\nunknown\r\n:1\r\n",
                _ => "-ERR unknown command\r\n",
            };
            connection.write_all(answer.as_bytes()).await?;
        }
    }
}

/// The name of the next command; its arguments are read over.
async fn command(connection: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut name = String::new();
    for n in 0..length(connection).await? {
        let mut part = vec![0; length(connection).await? + 2];
        connection.read_exact(&mut part).await?;
        if n == 0 {
            name = String::from_utf8_lossy(&part).trim_end().to_uppercase();
        }
    }
    Ok(name)
}

/// What is said by `*3` or `$3`.
async fn length(connection: &mut BufReader<TcpStream>) -> io::Result<usize> {
    let mut line = String::new();
    connection.read_line(&mut line).await?;
    let length = line.trim_end().get(1..).and_then(|said| said.parse().ok());
    length.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// What the double says to each call is no refusal of it.
async fn asks(counter: &RedisQuotaCounter, user: i64) -> Result<(), QuotaError> {
    counter.reserve(&wish(user, &[&daily(10)])).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stays_a_replica_is_not_reconnected_at_each_refusal() {
    const CALLERS: i64 = 16;
    const REFUSALS: u64 = 800;
    let (double, url) = Double::start().await;
    let config = RedisConfig::new(url).with_deadline(Duration::from_secs(60));
    let counter = Arc::new(RedisQuotaCounter::connect(&config).await.unwrap());
    asks(&counter, 0).await.unwrap();
    let before = double.connections.load(Ordering::Relaxed);
    double.demoted.store(true, Ordering::Relaxed);
    let callers = (1..=CALLERS).map(|user| {
        let (counter, double) = (Arc::clone(&counter), Arc::clone(&double));
        tokio::spawn(async move {
            while double.refused.load(Ordering::Relaxed) < REFUSALS {
                let refused = asks(&counter, user).await;
                assert!(
                    matches!(refused, Err(QuotaError::Unavailable(_))),
                    "{refused:?}"
                );
            }
        })
    });
    try_join_all(callers).await.unwrap();
    let connections = double.connections.load(Ordering::Relaxed) - before;
    // It is left each second; a call takes far less.
    assert!(connections > 0, "it was not left");
    assert!(connections < REFUSALS / 4, "{connections} connections");

    double.demoted.store(false, Ordering::Relaxed);
    let found = async {
        while asks(&counter, 0).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(60), found).await.unwrap();
}
