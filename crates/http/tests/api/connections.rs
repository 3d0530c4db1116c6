//! Connections that would stay for ever, if nobody ended them.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actix_web::{HttpResponse, web};
use lemon_fakes::SequentialIds;
use lemon_http::{Listener, Mount, Operations};
use reqwest::StatusCode;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    app::{App, Setup},
    faults::Fault,
};

/// How long anything may take before it is a failure.
const PATIENCE: Duration = Duration::from_secs(60);
const CAN_USE: &str = "/api/service/learn_me/can-use";
/// More than all buffers between a server and a caller who does not read.
const LARGE: usize = 64 * 1024 * 1024;

fn impatient() -> Setup {
    let large = web::Bytes::from(vec![b'x'; LARGE]);
    let mount = Mount::new(move |app| {
        let large = large.clone();
        app.route(
            "/large",
            web::get().to(move || {
                let large = large.clone();
                async move { HttpResponse::Ok().body(large) }
            }),
        );
    });
    let mut setup = Setup {
        mount,
        ..Setup::default()
    };
    setup.deadlines.keep_alive = Duration::from_millis(300);
    setup.deadlines.idle = Duration::from_millis(400);
    setup.deadlines.answer = Duration::from_millis(400);
    setup
}

/// Sends bytes, then the same few again and again; answers what came until the server closed.
async fn drip(address: SocketAddr, first: &str, again: &[u8]) -> String {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    writer.write_all(first.as_bytes()).await.unwrap();
    let reading = async {
        let mut answer = Vec::new();
        // A connection that is reset is closed as well.
        let _ = reader.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    let dripping = async {
        loop {
            sleep(Duration::from_millis(20)).await;
            if writer.write_all(again).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let exchange = async {
        tokio::select! {
            answer = reading => answer,
            () = dripping => String::new(),
        }
    };
    timeout(PATIENCE, exchange).await.unwrap()
}

/// A request with a body that never ends.
fn unfinished(method: &str, path: &str, connection: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: lemon\r\nConnection: {connection}\r\nContent-Type: text/plain\r\n\
         Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
    )
}

/// Asks and does not read; returns when the server has closed.
async fn ask_and_do_not_read(address: SocketAddr, path: &str) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: lemon\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let closed = async {
        while stream.write_all(b"x").await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, closed).await.unwrap();
}

#[tokio::test]
async fn a_body_that_never_ends_is_answered_and_then_not_waited_for() {
    let app = App::start_with(impatient());
    for path in [CAN_USE, "/nonsense", "/v3/api-docs", "/api/service"] {
        for connection in ["keep-alive", "close"] {
            for method in ["GET", "POST"] {
                let request = unfinished(method, path, connection);
                let answer = drip(app.address, &request, b"1\r\nx\r\n").await;
                assert!(answer.starts_with("HTTP/1.1 "), "{request}: {answer}");
                let answer = drip(app.address, &request, b"").await;
                assert!(answer.starts_with("HTTP/1.1 "), "{request}: {answer}");
            }
        }
    }
}

/// Between requests, a connection may be kept for much longer than anybody waits for a body.
#[tokio::test]
async fn a_body_that_never_ends_is_not_waited_for_as_long_as_a_next_request() {
    let mut setup = impatient();
    setup.deadlines.keep_alive = PATIENCE * 10;
    setup.deadlines.idle = PATIENCE * 11;
    setup.deadlines.request = Duration::from_secs(3);
    let app = App::start_with(setup);
    for (method, path) in [
        ("GET", CAN_USE),
        ("POST", "/nonsense"),
        ("POST", "/api/oauth/twitter/twitter-login"),
    ] {
        let request =
            unfinished(method, path, "keep-alive").replace("text/plain", "application/json");
        let answer = drip(app.address, &request, b"").await;
        assert!(answer.starts_with("HTTP/1.1 "), "{request}: {answer}");
    }
}

#[tokio::test]
async fn a_second_head_that_comes_slowly_is_not_waited_for() {
    let app = App::start_with(impatient());
    let request =
        format!("GET {CAN_USE} HTTP/1.1\r\nHost: lemon\r\n\r\nGET / HTTP/1.1\r\nX-Slow: ");
    let answer = drip(app.address, &request, b"x").await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 1, "{answer}");
}

#[tokio::test]
async fn a_first_head_that_comes_slowly_is_not_waited_for() {
    let mut setup = impatient();
    setup.deadlines.request = Duration::from_millis(200);
    let app = App::start_with(setup);
    drip(app.address, "GET / HTTP/1.1\r\nX-Slow: ", b"x").await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_not_waited_for() {
    let app = App::start_with(impatient());
    ask_and_do_not_read(app.address, "/large").await;
}

#[tokio::test]
async fn a_client_that_reads_a_large_answer_gets_all_of_it() {
    let mut setup = impatient();
    setup.deadlines.answer = PATIENCE;
    (setup.deadlines.keep_alive, setup.deadlines.idle) = (PATIENCE, 2 * PATIENCE);
    let app = App::start_with(setup);
    let answer = app.get("/large").send().await.unwrap();
    assert_eq!(answer.bytes().await.unwrap().len(), LARGE);
    let again = app.get(CAN_USE).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::OK);
}

/// The time for the next request begins when the answer is taken, not when it is made.
#[tokio::test]
async fn a_client_that_takes_an_answer_late_has_the_full_time_for_the_next_request() {
    const KEPT: Duration = Duration::from_secs(2);
    let mut setup = impatient();
    // As often is looked at the time.
    setup.deadlines.request = Duration::from_millis(50);
    setup.deadlines.answer = PATIENCE;
    (setup.deadlines.keep_alive, setup.deadlines.idle) = (KEPT, 2 * KEPT);
    let app = App::start_with(setup);
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    let request = |path| format!("GET {path} HTTP/1.1\r\nHost: lemon\r\n\r\n");
    let large = request("/large");
    stream.write_all(large.as_bytes()).await.unwrap();
    sleep(KEPT + KEPT / 4).await;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
    }
    let mut body = vec![0; LARGE];
    stream.read_exact(&mut body).await.unwrap();
    sleep(KEPT / 2).await;
    let next = request(CAN_USE);
    stream.write_all(next.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}

#[tokio::test]
async fn a_call_may_take_longer_than_a_connection_may_idle() {
    let mut setup = impatient();
    setup.deadlines.keep_alive = Duration::from_millis(25);
    setup.deadlines.idle = Duration::from_millis(50);
    setup.deadlines.call = Duration::from_secs(1);
    let app = App::start_with(setup);
    let token = app.sign_in(1).await;
    app.counter.fail(Fault::Hang);
    let answer = app.register(&token).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_crowd_that_fills_every_connection_is_disconnected_in_the_end() {
    let mut setup = impatient();
    setup.max_connections = 4;
    let app = App::start_with(setup);
    let mut crowd = Vec::new();
    for _ in 0..40 {
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        let request = unfinished("GET", "/nonsense", "keep-alive");
        stream.write_all(request.as_bytes()).await.unwrap();
        crowd.push(stream);
    }
    let call = app.get(CAN_USE).send();
    let answer = timeout(PATIENCE, call).await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

fn operations() -> (SocketAddr, DropGuard) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let (address, stop) = (listener.local_addr(), CancellationToken::new());
    let metrics = Arc::new(|| "x".repeat(LARGE));
    let ids = Arc::new(SequentialIds::default());
    let operations = Operations::new(listener, Vec::new(), metrics, ids);
    tokio::spawn(operations.run(stop.clone()));
    (address, stop.drop_guard())
}

#[tokio::test]
async fn the_operations_port_does_not_wait_for_silent_clients_either() {
    let (address, _stop) = operations();
    let request = unfinished("GET", "/health/live", "close");
    let (answer, ()) = tokio::join!(
        drip(address, &request, b"1\r\nx\r\n"),
        ask_and_do_not_read(address, "/metrics"),
    );
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}
