//! A program that may have few descriptors, and callers who take all they can get.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use futures::future::join_all;
use lemon_tests::{System, wait_until};
use reqwest::{Client, Url};
use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet};

const DESCRIPTORS: u32 = 320;
/// Callers of each port: together more than there are descriptors.
const CROWD: usize = 170;
/// Of them, those whom the system lets connect at once: the server has accepted them, or will in their turn.
const IN_LINE: usize = 150;

async fn hold(address: SocketAddr, request: &'static str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may be quicker to close.
    let _ = stream.write_all(request.as_bytes()).await;
    stream
}

/// Requests that never end, and answers that nobody reads. Those in line are returned, with the others.
async fn crowd(address: SocketAddr) -> (Vec<TcpStream>, JoinSet<TcpStream>) {
    let mut crowd = JoinSet::new();
    for n in 0..CROWD {
        let request = if n % 2 == 0 {
            "POST /nonsense HTTP/1.1\r\nHost: lemon\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
        } else {
            "GET /swagger-ui/swagger-ui-bundle.js HTTP/1.1\r\nHost: lemon\r\n\r\n"
        };
        crowd.spawn(hold(address, request));
    }
    let mut in_line = Vec::new();
    while in_line.len() < IN_LINE {
        in_line.push(crowd.join_next().await.unwrap().unwrap());
    }
    (in_line, crowd)
}

fn address(url: &str) -> SocketAddr {
    let url = Url::parse(url).unwrap();
    url.socket_addrs(|| None).unwrap()[0]
}

/// A client that no connection was kept for.
async fn status(url: &str) -> Option<u16> {
    let answer = Client::new().get(url).send().await.ok()?;
    Some(answer.status().as_u16())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_uses_every_connection_blocks_neither_the_health_check_nor_the_store() {
    let system = System::builder()
        .descriptors(DESCRIPTORS)
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "0")
        .start()
        .await;
    let person = system.sign_in(1).await;
    let ports = [
        system.url("/api/service/learn_me/can-use"),
        system.sandbox_url("/timeline"),
    ];
    let held = join_all(ports.iter().map(|url| crowd(address(url)))).await;
    for path in ["/health/live", "/health/ready", "/metrics"] {
        assert_eq!(status(&system.ops_url(path)).await, Some(200), "{path}");
    }
    for url in &ports {
        wait_until("the port answers", async || status(url).await).await;
    }
    drop(held);
    person.register(None).await.must_be(201);
    person.wait_until_ready().await;
    let log = system.log_lines().join("\n");
    assert!(!log.contains("open files"), "{log}");
}
