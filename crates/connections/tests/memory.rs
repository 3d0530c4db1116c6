//! What callers cost who do not read.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, net::TcpListener, time::Duration};

use actix_web::{
    App, HttpResponse,
    web::{self, Bytes},
};
use lemon_connections::{Limits, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(60);
/// Far more than all buffers between a server and a caller who does not read.
const LARGE: usize = 16 * 1024 * 1024;
const CALLERS: usize = 20;

/// Resident memory of this process, in bytes.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kibibytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kibibytes.parse::<usize>().unwrap() * 1024
}

#[tokio::test]
async fn callers_who_do_not_read_share_a_large_answer() {
    let limits = Limits {
        workers: Some(1),
        max_connections: 100,
        head: PATIENCE,
        keep_alive: PATIENCE,
        idle: PATIENCE * 2,
        answer: PATIENCE,
        shutdown: Duration::from_secs(1),
    };
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, stop) = (socket.local_addr().unwrap(), CancellationToken::new());
    let large = Bytes::from(vec![b'x'; LARGE]);
    let server = serve(socket, &limits, stop.clone(), move || {
        let large = large.clone();
        let answer = move || {
            let large = large.clone();
            async move { HttpResponse::Ok().body(large) }
        };
        App::new().route("/", web::get().to(answer))
    });
    tokio::spawn(server.unwrap());
    let _stop = stop.drop_guard();
    let before = resident();
    let mut callers = Vec::new();
    for _ in 0..CALLERS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: lemon\r\n\r\n";
        stream.write_all(request).await.unwrap();
        // The answer has begun: whatever was copied for it is there.
        stream.read_u8().await.unwrap();
        callers.push(stream);
    }
    let taken = resident().saturating_sub(before);
    assert!(taken < CALLERS * LARGE / 2, "{taken} bytes");
}
