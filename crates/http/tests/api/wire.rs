//! Bytes that no HTTP client sends.

use std::time::Duration;

use proptest::prelude::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::app::{App, Setup};

/// Longer than any deadline of these tests: what takes as long hangs.
const FOREVER: Duration = Duration::from_secs(60);

fn impatient() -> App {
    let mut setup = Setup::default();
    setup.deadlines.request = Duration::from_millis(200);
    App::start_with(setup)
}

/// Sends bytes, and waits for whatever comes until the server closes.
async fn send(app: &App, bytes: &[u8]) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        // The server may close before it has read everything.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    timeout(FOREVER, exchange).await.unwrap()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[tokio::test]
async fn input_that_is_not_http_is_refused_and_its_connection_closed() {
    let app = impatient();
    for garbage in [
        &b"\0\x01\x02\xff\r\n\r\n"[..],
        b"nonsense\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ] {
        let answer = send(&app, garbage).await;
        let status = status(&answer);
        assert!(matches!(status, "400" | "408"), "{garbage:?}: {answer}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let app = impatient();
    let long = format!("GET / HTTP/1.1\r\nX-Long: {}\r\n\r\n", "x".repeat(200_000));
    assert_eq!(status(&send(&app, long.as_bytes()).await), "431");
    let many = "X-Many: x\r\n".repeat(200);
    let many = format!("GET / HTTP/1.1\r\n{many}\r\n");
    let answer = send(&app, many.as_bytes()).await;
    assert!(matches!(status(&answer), "400" | "431"), "{answer}");
}

#[tokio::test]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let app = impatient();
    let answer = send(&app, b"GET /api/service HTTP/1.1\r\nHost: lem").await;
    assert_eq!(status(&answer), "408");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let app = impatient();
    let answer = send(
        &app,
        b"POST /api/oauth/twitter/twitter-login HTTP/1.1\r\nHost: lemon\r\nContent-Type: application/json\r\n\
          Content-Length: 100\r\n\r\n{\"oauth_token\":",
    )
    .await;
    assert_eq!(status(&answer), "408");
    assert!(answer.contains("\"code\":\"request_timeout\""), "{answer}");
}

#[tokio::test]
async fn an_invalid_content_length_is_refused() {
    let app = impatient();
    for length in ["-1", "+1", "1e3", "99999999999999999999999", "1, 2", ""] {
        let request = format!(
            "POST /api/service/learn_me HTTP/1.1\r\nHost: lemon\r\nContent-Length: {length}\r\n\r\n"
        );
        let answer = send(&app, request.as_bytes()).await;
        assert_eq!(status(&answer), "400", "{length}: {answer}");
    }
    let answer = send(
        &app,
        b"POST / HTTP/1.1\r\nHost: lemon\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    )
    .await;
    assert_eq!(status(&answer), "400");
}

#[tokio::test]
async fn a_huge_content_length_is_refused_at_once() {
    let app = App::start();
    let answer = send(
        &app,
        b"POST /api/oauth/twitter/twitter-login HTTP/1.1\r\nHost: lemon\r\nContent-Type: application/json\r\n\
          Connection: close\r\nContent-Length: 999999999999\r\n\r\n",
    )
    .await;
    assert_eq!(status(&answer), "413");
    assert!(answer.contains("\"code\":\"body_too_large\""), "{answer}");
}

#[tokio::test]
async fn a_body_without_a_length_has_the_same_limit() {
    let app = App::start();
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    let request = format!(
        "POST /api/oauth/twitter/twitter-login HTTP/1.1\r\nHost: lemon\r\nContent-Type: application/json\r\n\
         Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
        chunk.repeat(17)
    );
    let answer = send(&app, request.as_bytes()).await;
    assert_eq!(status(&answer), "413");
    assert!(answer.contains("\"code\":\"body_too_large\""), "{answer}");
}

#[tokio::test]
async fn a_body_with_invalid_framing_is_refused() {
    let app = impatient();
    let answer = send(
        &app,
        b"POST /api/oauth/twitter/twitter-login HTTP/1.1\r\nHost: lemon\r\nContent-Type: application/json\r\n\
          Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    )
    .await;
    assert_eq!(status(&answer), "400");
}

#[tokio::test]
async fn a_body_that_is_not_read_does_not_break_the_connection() {
    let app = App::start();
    let body = "x".repeat(1000);
    let request = format!(
        "GET /api/service/learn_me/can-use HTTP/1.1\r\nHost: lemon\r\nContent-Length: 1000\r\n\r\n{body}\
         GET /api/service/learn_me/can-use HTTP/1.1\r\nHost: lemon\r\nConnection: close\r\n\r\n"
    );
    let answer = send(&app, request.as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
}

#[tokio::test]
async fn header_values_of_any_bytes_are_answered() {
    let app = App::start();
    for name in [
        "Origin",
        "Authorization",
        "X-Request-Id",
        "Content-Type",
        "Idempotency-Key",
        "Cookie",
    ] {
        let mut request =
            b"POST /api/service/learn_me HTTP/1.1\r\nHost: lemon\r\nConnection: close\r\n".to_vec();
        request.extend_from_slice(name.as_bytes());
        request.extend_from_slice(b": \xff\xfe\x80 \xc3\x28\r\n\r\n");
        let answer = send(&app, &request).await;
        assert_eq!(status(&answer), "401", "{name}: {answer}");
    }
}

/// Any path, any query, any header, any body: never a 5xx, never a hang.
#[test]
fn any_request_is_answered_below_500() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let app = {
        let _entered = runtime.enter();
        impatient()
    };
    let config = ProptestConfig::with_cases(64);
    let requests = (
        prop::sample::select(vec![
            "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD",
        ]),
        prop::sample::select(vec![
            "/api/service",
            "/api/service/learn_me",
            "/api/service/learn_me/can-use",
            "/api/oauth/twitter/twitter-login",
            "/api/twitter/user-profile",
            "/swagger-ui/",
            "/",
        ]),
        "[!-~]{0,40}",
        "[ -~]{0,60}",
        prop::collection::vec(any::<u8>(), 0..200),
    );
    proptest!(config, |((method, path, tail, value, body) in requests)| {
        let mut request = format!(
            "{method} {path}{tail} HTTP/1.1\r\nHost: lemon\r\nConnection: close\r\nAuthorization: {value}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(&body);
        let answer = runtime.block_on(send(&app, &request));
        let status = status(&answer);
        prop_assert!(status.starts_with(['2', '3', '4']), "{}", answer);
    });
}
