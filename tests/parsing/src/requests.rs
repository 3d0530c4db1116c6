//! Requests of the REST API.

use std::{net::SocketAddr, sync::OnceLock};

use lemon_domain::values::{AccountId, Identity, ProviderUserId, UserId};
use lemon_http::{Application, ForwardingHeader, HttpConfig, Listener, Mount, Protection, Proxies};
use lemon_http::{BrowserConfig, Deadlines, JwtConfig, Origin};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

use crate::{
    runtime::{MARK, runtime},
    town::{key, use_cases},
};

/// In a header, it stands for a valid token.
const TOKEN: &str = "TOKEN";

/// A running application, and a person's token.
struct RunningApi {
    address: SocketAddr,
    token: String,
}

fn running() -> &'static RunningApi {
    static RUNNING: OnceLock<RunningApi> = OnceLock::new();
    RUNNING.get_or_init(|| runtime().block_on(async { start() }))
}

fn start() -> RunningApi {
    let networks = ["127.0.0.0/8".to_owned()];
    let config = HttpConfig {
        allowed_origins: vec![Origin::parse("http://localhost:3000").unwrap()],
        docs: true,
        operations_port: 8082,
        workers: Some(1),
        jwt: JwtConfig {
            secrets: vec![key(64).into()],
            lifetime: JwtConfig::DEFAULT_LIFETIME,
        },
        browser: BrowserConfig::default(),
        deadlines: Deadlines::default(),
        max_connections: 1_000,
        keep_profiles: HttpConfig::DEFAULT_KEEP_PROFILES,
        protection: Protection {
            proxies: Proxies::parse(&networks, ForwardingHeader::XForwardedFor).unwrap(),
            ..Protection::default()
        },
    };
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let application = Application::new(listener, config, use_cases(), Mount::nothing()).unwrap();
    let identity = Identity {
        user: UserId::new(1),
        account: AccountId::twitter(ProviderUserId::try_from(1).unwrap()),
    };
    let running = RunningApi {
        address: application.local_addr(),
        token: application.tokens().issue(identity).unwrap(),
    };
    tokio::spawn(application.run(CancellationToken::new()));
    running
}

/// The first line is a method and a path, up to an empty line follow headers, the rest is the body. Every request is answered,
/// none with a 5xx, and a problem quotes nothing but the path.
pub(crate) fn requests(data: &[u8]) {
    let request = request(data);
    let address = running().address;
    let answer = runtime().block_on(async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(&request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer
    });
    judge(&String::from_utf8_lossy(&answer));
}

/// A request with right framing, so that nobody waits for the rest of it.
fn request(data: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(data);
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut lines = head.split('\n');
    let first = lines.next().unwrap_or_default();
    let (method, path) = first.split_once(' ').unwrap_or(("GET", first));
    let plain = |text: &str| -> String {
        let plain = text.chars().filter(|it| matches!(it, '!'..='~'));
        plain.collect()
    };
    let method: String = plain(method)
        .chars()
        .filter(char::is_ascii_uppercase)
        .collect();
    let method = if method.is_empty() {
        "GET"
    } else {
        method.as_str()
    };
    let mut request = format!(
        "{method} /{} HTTP/1.1\r\nConnection: close\r\n",
        plain(path)
    );
    let mut has_host = false;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let name = name.to_ascii_lowercase();
        let framing = [
            "connection",
            "content-length",
            "transfer-encoding",
            "expect",
            "upgrade",
        ];
        let fits = name
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || it == b'-');
        if fits && !name.is_empty() && !framing.contains(&name.as_str()) {
            has_host |= name == "host";
            let value = value.replace(TOKEN, &running().token);
            let value: String = value.chars().filter(|it| !it.is_control()).collect();
            request.extend([name.as_str(), ":", value.as_str(), "\r\n"]);
        }
    }
    if !has_host {
        request.push_str("host: 127.0.0.1\r\n");
    }
    let length = body.len();
    format!("{request}content-length: {length}\r\n\r\n{body}").into_bytes()
}

fn judge(answer: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.split(' ').nth(1).unwrap_or_default();
    assert!(
        status.len() == 3 && status.starts_with(['2', '3', '4']),
        "the answer is {answer:?}"
    );
    if !head.contains("application/problem+json") || body.is_empty() {
        return;
    }
    let mut problem: Value = serde_json::from_str(body).expect("a problem is JSON");
    assert_eq!(problem["status"].to_string(), status);
    assert!(problem["code"].is_string(), "{problem}");
    problem["instance"].take();
    assert!(
        !problem.to_string().contains(MARK),
        "a problem quotes: {problem}"
    );
}
