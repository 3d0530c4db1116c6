//! Callers who wait for a busy program, and callers for whom nobody waits.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    future::Future,
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use actix_web::{App, HttpResponse, web};
use lemon_connections::{Limits, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long anything may take before it is a failure.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much longer a connection that sends something has: longer than anything may take.
const LONGER: Duration = Duration::from_secs(2 * 60);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: lemon\r\n\r\n";
const LAST: &[u8] = b"GET / HTTP/1.1\r\nHost: lemon\r\nConnection: close\r\n\r\n";
/// The head of a request whose body comes later.
const UPLOAD: &[u8] = b"POST /upload HTTP/1.1\r\nHost: lemon\r\nContent-Length: 4\r\n\r\n";
const BUSY: &[u8] = b"GET /busy HTTP/1.1\r\nHost: lemon\r\nConnection: close\r\n\r\n";

/// A server with one worker, which can be kept busy.
struct Server {
    address: SocketAddr,
    is_busy: Arc<Semaphore>,
    /// The handler of an upload runs.
    has_begun: Arc<Semaphore>,
    go_on: mpsc::Sender<()>,
    _stop: DropGuard,
}

impl Server {
    fn start(head: Duration, keep_alive: Duration) -> Self {
        let limits = Limits {
            workers: Some(1),
            max_connections: 100,
            head,
            keep_alive,
            idle: keep_alive + LONGER,
            answer: PATIENCE,
            shutdown: Duration::from_secs(1),
        };
        let (go_on, gate) = mpsc::channel::<()>();
        let (is_busy, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Mutex::new(gate)));
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let (stop, busy) = (CancellationToken::new(), Arc::clone(&is_busy));
        let has_begun = Arc::new(Semaphore::new(0));
        let began = Arc::clone(&has_begun);
        let server = serve(socket, &limits, stop.clone(), move || {
            let (busy, gate) = (Arc::clone(&busy), Arc::clone(&gate));
            let keep_busy = move || {
                busy.add_permits(1);
                gate.lock().unwrap().recv().unwrap();
                std::future::ready(HttpResponse::Ok().finish())
            };
            let began = Arc::clone(&began);
            let upload = move |body: web::Payload| {
                began.add_permits(1);
                async move {
                    body.to_bytes()
                        .await
                        .map(|body| HttpResponse::Ok().body(body))
                }
            };
            App::new()
                .route("/", web::get().to(async || HttpResponse::Ok().finish()))
                .route("/upload", web::post().to(upload))
                .route("/busy", web::get().to(keep_busy))
        });
        tokio::spawn(server.unwrap());
        Self {
            address,
            is_busy,
            has_begun,
            go_on,
            _stop: stop.drop_guard(),
        }
    }

    async fn connect(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }

    /// Returns when the connections that were made before are served as well.
    async fn serves(&self) {
        all(self.connect(LAST).await).await;
    }

    /// The worker does nothing else from now on.
    async fn begins_to_be_busy(&self) -> TcpStream {
        let busy = self.connect(BUSY).await;
        self.is_busy.acquire().await.unwrap().forget();
        busy
    }
}

/// What comes until the server closes.
async fn all(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    timeout(PATIENCE, reading).await.unwrap().unwrap();
    String::from_utf8(answer).unwrap()
}

/// What comes first.
async fn some(stream: &mut TcpStream) -> String {
    let mut answer = [0; 1024];
    let bytes = timeout(PATIENCE, stream.read(&mut answer)).await.unwrap();
    String::from_utf8(answer[..bytes.unwrap()].to_vec()).unwrap()
}

/// The first outcome of an attempt whose preparations took less than the time it is given.
async fn in_time<F: Future<Output = Option<String>>>(attempt: impl Fn(Duration) -> F) -> String {
    let mut time = Duration::from_millis(100);
    while time < PATIENCE {
        if let Some(answer) = attempt(time).await {
            return answer;
        }
        time *= 4;
    }
    panic!("the preparations take too long");
}

/// What is answered to a head whose second half came while the worker was busy, until after the head's time.
async fn answer_after_a_busy_time(first: &[u8], rest: &[u8]) -> String {
    in_time(async |head| {
        let server = Server::start(head, PATIENCE);
        let begin = Instant::now();
        let mut waiting = server.connect(first).await;
        server.serves().await;
        let _busy = server.begins_to_be_busy().await;
        if begin.elapsed() >= head {
            server.go_on.send(()).unwrap();
            return None;
        }
        waiting.write_all(rest).await.unwrap();
        sleep(head * 2).await;
        server.go_on.send(()).unwrap();
        Some(all(waiting).await)
    })
    .await
}

#[tokio::test]
async fn a_head_that_waited_for_a_busy_worker_is_served() {
    for half in [0, 20] {
        let (first, rest) = LAST.split_at(half);
        let answer = answer_after_a_busy_time(first, rest).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{half}: {answer}");
    }
}

#[tokio::test]
async fn half_a_head_that_waited_for_a_busy_worker_is_late() {
    let answer = answer_after_a_busy_time(b"GET / HT", b"TP/1.1\r\n").await;
    assert!(
        answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn the_next_request_that_waited_for_a_busy_worker_is_served() {
    let answer = in_time(async |keep_alive| {
        let server = Server::start(PATIENCE, keep_alive);
        let begin = Instant::now();
        let mut waiting = server.connect(REQUEST).await;
        some(&mut waiting).await;
        let _busy = server.begins_to_be_busy().await;
        if begin.elapsed() >= keep_alive {
            server.go_on.send(()).unwrap();
            return None;
        }
        waiting.write_all(LAST).await.unwrap();
        sleep(keep_alive * 2).await;
        server.go_on.send(()).unwrap();
        Some(all(waiting).await)
    })
    .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn a_connection_on_which_nothing_comes_is_closed_without_an_answer() {
    let server = Server::start(Duration::from_millis(100), PATIENCE);
    assert_eq!(all(server.connect(b"").await).await, "");
}

#[tokio::test]
async fn half_a_head_gets_an_answer_and_no_more_time() {
    let server = Server::start(Duration::from_millis(100), PATIENCE);
    let answer = all(server.connect(b"GET / HTTP/1.1\r\nHost: ").await).await;
    assert!(
        answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{answer}"
    );
    assert!(
        answer.contains("\r\ndate: ") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_connection_that_was_answered_is_kept_for_its_time_only() {
    let server = Server::start(PATIENCE, Duration::from_millis(100));
    let answer = all(server.connect(REQUEST).await).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 1, "{answer}");
}

#[tokio::test]
async fn the_rest_of_a_head_that_began_in_time_is_waited_for() {
    let (half, rest) = LAST.split_at(20);
    let answer = in_time(async |keep_alive| {
        let server = Server::start(PATIENCE, keep_alive);
        let begin = Instant::now();
        let mut stream = server.connect(REQUEST).await;
        some(&mut stream).await;
        stream.write_all(half).await.unwrap();
        server.serves().await;
        if begin.elapsed() >= keep_alive {
            return None;
        }
        sleep(keep_alive * 2).await;
        stream.write_all(rest).await.unwrap();
        Some(all(stream).await)
    })
    .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn a_body_that_came_after_its_head_gives_the_connection_no_more_time() {
    let server = Server::start(PATIENCE, Duration::from_millis(100));
    let mut stream = server.connect(UPLOAD).await;
    server.has_begun.acquire().await.unwrap().forget();
    stream.write_all(b"body").await.unwrap();
    let answer = all(stream).await;
    assert!(answer.ends_with("\r\n\r\nbody"), "{answer}");
}

#[tokio::test]
async fn limits_that_would_cut_a_request_that_began_in_time_are_refused() {
    let limits = |idle| Limits {
        workers: Some(1),
        max_connections: 1,
        head: PATIENCE,
        keep_alive: PATIENCE,
        idle,
        answer: PATIENCE,
        shutdown: Duration::from_secs(1),
    };
    let outcome = |idle| {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let stop = CancellationToken::new();
        serve(socket, &limits(idle), stop, App::new).map_err(|error| error.kind())
    };
    assert!(matches!(outcome(PATIENCE), Err(ErrorKind::InvalidInput)));
    assert!(outcome(PATIENCE + Duration::from_millis(1)).is_ok());
}
