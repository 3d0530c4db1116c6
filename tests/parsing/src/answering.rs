//! Twitter's answers.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use lemon_domain::{
    ports::{TwitterClient, TwitterError},
    values::{Credentials, ProviderUserId, RequestToken, Verifier},
};
use lemon_fakes::FakeClock;
use lemon_twitter::{HttpTwitterClient, TwitterApi, TwitterApp, TwitterConfig};
use reqwest::redirect;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Mutex,
};
use url::Url;

use crate::runtime::{MARK, must_not_quote, runtime};

/// A server that gives every call the same answer.
struct Answering {
    url: Url,
    answer: Arc<Mutex<Vec<u8>>>,
}

fn answering() -> &'static Answering {
    static ANSWERING: OnceLock<Answering> = OnceLock::new();
    ANSWERING.get_or_init(|| {
        runtime().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let answer = Arc::new(Mutex::new(Vec::new()));
            tokio::spawn(serve(listener, answer.clone()));
            Answering {
                url: url.parse().unwrap(),
                answer,
            }
        })
    })
}

async fn serve(listener: TcpListener, answer: Arc<Mutex<Vec<u8>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer_one(stream, answer.clone()));
    }
}

async fn answer_one(mut stream: TcpStream, answer: Arc<Mutex<Vec<u8>>>) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes).await {
            Ok(count @ 1..) => head.extend_from_slice(&bytes[..count]),
            _ => return,
        }
    }
    let answer = answer.lock().await.clone();
    // The client may have gone.
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
}

/// The first byte says which call is made, the first line the status and headers (`429 retry-after: 5|x: y`), the rest is
/// the body. An error shows neither a secret nor the mark, and the same answer means the same a second time.
pub(crate) fn answers(data: &[u8]) {
    let Some((call, rest)) = data.split_first() else {
        return;
    };
    let end = rest.iter().position(|byte| *byte == b'\n');
    let (head, body) = rest.split_at(end.unwrap_or(rest.len()));
    let body = body.strip_prefix(b"\n").unwrap_or(body);
    let answer = answer(&String::from_utf8_lossy(head), body);
    let server = answering();
    runtime().block_on(async {
        *server.answer.lock().await = answer;
        let first = ask(*call).await;
        let second = ask(*call).await;
        assert_eq!(first, second, "the same answer means something else");
    });
}

/// A whole answer; what is no header is left out.
fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let (status, headers) = head.split_once(' ').unwrap_or((head, ""));
    let status = status.parse::<u16>().ok();
    let status = status.filter(|it| (200..600).contains(it)).unwrap_or(200);
    let mut answer = format!("HTTP/1.1 {status} So\r\nconnection: close\r\n").into_bytes();
    for header in headers.split('|') {
        let is_plain = header.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if let Some((name, value)) = header.split_once(':').filter(|_| is_plain) {
            let name = name.trim();
            let framing = ["connection", "content-length", "transfer-encoding"];
            let fits = name
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || it == b'-');
            if fits && !name.is_empty() && !framing.contains(&&*name.to_ascii_lowercase()) {
                answer.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
        }
    }
    answer.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    answer.extend_from_slice(body);
    answer
}

/// Makes a call with a client that remembers nothing; answers its outcome as text.
async fn ask(call: u8) -> String {
    let app = TwitterApp {
        consumer_key: "key".into(),
        consumer_secret: MARK.into(),
        callback_url: "http://localhost:3000/".parse().unwrap(),
    };
    let api = if call & 8 == 0 {
        TwitterApi::V2
    } else {
        TwitterApi::V1_1
    };
    let config = TwitterConfig::new(answering().url.clone(), app)
        .with_api(api)
        .with_deadline(Duration::from_secs(10));
    let clock = Arc::<FakeClock>::default();
    let client = HttpTwitterClient::new(http(), config, clock).unwrap();
    let mine = Credentials::new("token", MARK);
    match call % 6 {
        0 => shown(client.request_token().await.map(|it| it.token)),
        1 => {
            let token = RequestToken::parse("token").unwrap();
            let verifier = Verifier::parse(MARK).unwrap();
            let granted = client.access_token(&token, &MARK.into(), &verifier).await;
            shown(granted.map(|it| it.user_id))
        }
        2 => shown(client.profile(&mine).await),
        3 => {
            let of = ProviderUserId::try_from(1).unwrap();
            shown(client.tweets(&mine, of, None).await)
        }
        4 => shown(client.post_tweet(&mine, "Hello").await),
        _ => shown(client.revoke(&mine).await),
    }
}

fn http() -> reqwest::Client {
    static HTTP: OnceLock<reqwest::Client> = OnceLock::new();
    let build = || {
        let builder = reqwest::Client::builder().no_proxy();
        builder.redirect(redirect::Policy::none()).build().unwrap()
    };
    HTTP.get_or_init(build).clone()
}

fn shown<T: std::fmt::Debug>(answer: Result<T, TwitterError>) -> String {
    match answer {
        Ok(answer) => format!("{answer:?}"),
        Err(error) => {
            must_not_quote(&error);
            error.to_string()
        }
    }
}
