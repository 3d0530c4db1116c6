//! Requests that only an attacker sends, by kinds: none makes a 5xx, and the process stays well.

use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::app::{App, Setup};

/// Longer than any deadline of these tests.
const FOREVER: Duration = Duration::from_secs(60);
/// The fewest inputs that are worth the name of a suite.
const FEWEST: usize = 200;

const CAN_USE: &str = "/api/service/learn_me/can-use";
const LOGIN: &str = "/api/oauth/twitter/twitter-login";

fn with_head(line: &str, headers: &str) -> Vec<u8> {
    format!("{line}\r\nHost: lemon\r\nConnection: close\r\n{headers}\r\n").into_bytes()
}

/// Methods and versions.
fn request_lines() -> Vec<Vec<u8>> {
    let methods = [
        "get",
        "G E T",
        "",
        "GET\t",
        "TRACE",
        "CONNECT",
        "PRI",
        "PROPFIND",
        "DELETE",
        "PATCH",
        "\u{fffd}",
        "GET\0",
        "OPTIONS",
        "HEAD",
        "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
    ];
    let versions = [
        "HTTP/1.1",
        "HTTP/1.0",
        "HTTP/0.9",
        "HTTP/2.0",
        "HTTP/1.10",
        "http/1.1",
        "",
        "HTTP/1.1 x",
    ];
    let pairs = methods.iter().flat_map(|method| {
        versions
            .iter()
            .map(move |version| format!("{method} {CAN_USE} {version}"))
    });
    pairs.map(|line| with_head(&line, "")).collect()
}

/// Targets.
fn targets() -> Vec<Vec<u8>> {
    let deep = "/a".repeat(5_000);
    let dots = "/..".repeat(2_000);
    let long = format!("/{}", "x".repeat(60_000));
    let query = format!("{CAN_USE}?{}", "a=b&".repeat(10_000));
    let targets = [
        "*",
        "//",
        "///",
        "/\\evil.example",
        "//evil.example/",
        "http://evil.example/",
        "http://",
        "https://u:p@h/",
        "evil.example:443",
        "/%",
        "/%0",
        "/%00",
        "/%ff%fe",
        "/%0d%0aX-A: b",
        "/api/%2e%2e/%2e%2e/etc/passwd",
        "/api/../../etc/passwd",
        "/api/service/%6cearn_me/can-use",
        "/api/service/learn_me%00/can-use",
        "/api/service/%F0%9F%8D%8B/can-use",
        "/api/service//can-use",
        "/api//service",
        "/api/service/",
        "/swagger-ui/../../etc/passwd",
        "/swagger-ui/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/swagger-ui/\\..\\x",
        "/swagger-ui/%00",
        "?",
        "/?",
        "/#fragment",
        "/a b",
        "/;jsessionid=1",
        "/{service}",
        "/<script>",
        "/\u{7f}",
        "/ü",
        "/api/service/learn_me/can-use?x=%",
        "/api/service/learn_me/can-use?%ff=%fe",
        &deep,
        &dots,
        &long,
        &query,
    ];
    targets
        .iter()
        .map(|target| with_head(&format!("GET {target} HTTP/1.1"), ""))
        .collect()
}

/// Headers.
fn headers() -> Vec<Vec<u8>> {
    let large = format!("X: {}\r\n", "x".repeat(100_000));
    let many = "X-Many: x\r\n".repeat(500);
    let range = format!("Range: bytes={}\r\n", "0-1,".repeat(1_000));
    let encodings = format!("Accept-Encoding: {}\r\n", "gzip;q=0.1,".repeat(1_000));
    let headers = [
        "X\r\n",
        ": x\r\n",
        "X : x\r\n",
        " X: x\r\n",
        "X: a\r\n b\r\n",
        "X: \u{1}\r\n",
        "X: \0\r\n",
        "X\u{e9}: x\r\n",
        "X: \u{e9}\r\n",
        "X: a\rb\r\n",
        "X: a\nY: b\r\n",
        "Host: second\r\n",
        "Host:\r\n",
        "Host: evil.example\r\n",
        "Host: [::1\r\n",
        "Host: a b\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: +1\r\n",
        "Content-Length: 0x1\r\n",
        "Content-Length: 1,1\r\n",
        "Content-Length: \r\n",
        "Content-Length: 99999999999999999999999\r\n",
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding:\u{b}chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Expect: 100-continue\r\n",
        "Expect: nonsense\r\n",
        "Upgrade: websocket\r\nConnection: Upgrade\r\n",
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQ\r\n",
        "Connection: keep-alive, close, x\r\n",
        "Keep-Alive: timeout=-1\r\n",
        "Authorization:\r\n",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer a.b.c\r\n",
        "Authorization: Bearer \u{e9}\r\n",
        "Authorization: Bearer x\r\nAuthorization: Bearer y\r\n",
        "Authorization: Basic Og==\r\n",
        "Origin: null\r\n",
        "Origin: http://localhost:3000\u{e9}\r\n",
        "Origin: \r\n",
        "Accept: \u{e9}\r\n",
        "Accept-Encoding: gzip;q=nan\r\n",
        "Accept-Encoding: *;q=0\r\n",
        "If-None-Match: \"\r\n",
        "If-Modified-Since: yesterday\r\n",
        "Cookie: =;=;=\r\n",
        "Cookie: a=\u{1}\r\n",
        "X-Request-Id: \r\n",
        "X-Request-Id: a\tb\r\n",
        "X-Forwarded-For: , , ,\r\n",
        "X-Forwarded-For: [::\r\n",
        "Forwarded: for=\"\r\n",
        "X-Forwarded-Host: evil.example\r\n",
        "X-Http-Method-Override: DELETE\r\n",
        "Content-Type: \u{e9}\r\n",
        "Content-Encoding: gzip\r\n",
        "Idempotency-Key: \u{e9}\r\n",
        "Traceparent: 00-0-0-0\r\n",
        &large,
        &many,
        &range,
        &encodings,
    ];
    headers
        .iter()
        .map(|header| with_head(&format!("GET {CAN_USE} HTTP/1.1"), header))
        .collect()
}

/// Bodies of a call that reads one.
fn bodies() -> Vec<Vec<u8>> {
    let nested = "[".repeat(10_000);
    let objects = "{\"a\":".repeat(10_000);
    let numbers = format!("{{\"oauth_token\":1e{}}}", "9".repeat(1_000));
    let plain = [
        "",
        " ",
        "null",
        "[]",
        "{}",
        "0",
        "\"",
        "{",
        "}",
        "{\"oauth_token\":}",
        "{\"oauth_token\":\"\\ud800\",\"oauth_verifier\":\"x\"}",
        "{\"oauth_token\":\"\",\"oauth_verifier\":\"\"}",
        "{\"oauth_token\":null,\"oauth_verifier\":\"x\"}",
        "{\"oauth_token\":[],\"oauth_verifier\":{}}",
        "{\"oauth_token\":\"a\",\"oauth_token\":\"b\",\"oauth_verifier\":\"c\"}",
        "{\"oauth_token\":\"\\u0000\",\"oauth_verifier\":\"\\n\"}",
        "\u{feff}{}",
        "{}{}",
        "{} x",
        "NaN",
        "<x/>",
        "{\"__proto__\":{}}",
        &nested,
        &objects,
        &numbers,
    ];
    let json = "Content-Type: application/json\r\n";
    let line = format!("POST {LOGIN} HTTP/1.1");
    let mut all: Vec<Vec<u8>> = plain
        .iter()
        .map(|body| {
            let length = format!("{json}Content-Length: {}\r\n", body.len());
            [with_head(&line, &length), body.as_bytes().to_vec()].concat()
        })
        .collect();
    let chunked = [
        "0\r\n\r\n",
        "2\r\n{}\r\n0\r\n\r\n",
        "2;ext=1\r\n{}\r\n0\r\n\r\n",
        "2;ext=\"\r\n\"\r\n{}\r\n0\r\n\r\n",
        "-1\r\n",
        "x\r\n",
        "\r\n",
        "ffffffffffffffff\r\n",
        "fffffffffffffffff\r\n",
        "2\r\n{}0\r\n\r\n",
        "2\n{}\n0\n\n",
        "2\r\n{}\r\n0\r\nX: y\r\n\r\n",
        "0x2\r\n{}\r\n0\r\n\r\n",
        " 2\r\n{}\r\n0\r\n\r\n",
        "2 \r\n{}\r\n0\r\n\r\n",
    ];
    let chunks = format!("{json}Transfer-Encoding: chunked\r\n");
    all.extend(
        chunked
            .iter()
            .map(|body| [with_head(&line, &chunks), body.as_bytes().to_vec()].concat()),
    );
    let types = [
        "text/plain",
        "application/json; charset=utf-16",
        "application/JSON",
        "application/problem+json",
        "multipart/form-data; boundary=x",
        "a/b/c",
        ";",
        "",
    ];
    all.extend(types.iter().map(|kind| {
        let headers = format!("Content-Type: {kind}\r\nContent-Length: 2\r\n");
        [with_head(&line, &headers), b"{}".to_vec()].concat()
    }));
    all.push(
        [
            with_head(&line, &format!("{json}Content-Length: 4\r\n")),
            vec![0xff, 0xfe, 0x00, 0x80],
        ]
        .concat(),
    );
    all
}

/// Bytes that are no request, and several requests in one.
fn streams() -> Vec<Vec<u8>> {
    let get = |connection: &str| {
        format!("GET {CAN_USE} HTTP/1.1\r\nHost: lemon\r\nConnection: {connection}\r\n\r\n")
    };
    vec![
        b"\0".repeat(1_000),
        b"\r\n".repeat(1_000),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"\xff\xfe\xfd".repeat(100),
        b"SSH-2.0-x\r\n".to_vec(),
        format!("{}{}", get("keep-alive").repeat(50), get("close")).into_bytes(),
        format!("{}nonsense\r\n\r\n", get("keep-alive")).into_bytes(),
        format!("POST {LOGIN} HTTP/1.1\r\nHost: lemon\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{}", get("close")).into_bytes(),
        format!("\r\n\r\n{}", get("close")).into_bytes(),
    ]
}

async fn send(app: &App, bytes: &[u8]) -> Vec<u8> {
    let exchange = async {
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        // The server may close before it has read everything.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer
    };
    timeout(FOREVER, exchange).await.unwrap()
}

/// The statuses of all answers in what a connection received.
fn statuses(answer: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(answer);
    let lines = text.split("HTTP/1.").skip(1);
    lines
        .filter_map(|line| line.split(' ').nth(1).map(str::to_owned))
        .collect()
}

#[tokio::test]
async fn no_hostile_request_makes_a_failure() {
    let mut setup = Setup::default();
    setup.deadlines.request = Duration::from_millis(500);
    setup.deadlines = setup.deadlines.with_keep_alive(Duration::from_millis(500));
    let app = App::start_with(setup);
    let inputs = [request_lines(), targets(), headers(), bodies(), streams()].concat();
    assert!(inputs.len() >= FEWEST, "{}", inputs.len());
    stream::iter(&inputs)
        .for_each_concurrent(64, async |input| {
            let answer = send(&app, input).await;
            let shown = String::from_utf8_lossy(&input[..input.len().min(300)]).into_owned();
            for status in statuses(&answer) {
                assert!(!status.starts_with('5'), "{status} for {shown:?}");
            }
        })
        .await;
    let well = app.get(CAN_USE).send().await.unwrap();
    assert_eq!(well.status(), 200);
}
