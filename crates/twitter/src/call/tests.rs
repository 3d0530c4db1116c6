//! Random calls, signed here and verified by another implementation: oauthlib.
//!
//! They are all that this crate can send: any method, host, port, path, token, secret, callback and verifier; a query whose names
//! need no escape, since the names are ours; a JSON body, which is not signed, and never a form.

use std::env;

use lemon_fakes::FakeClock;
use lemon_test_servers::python;
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::select,
    strategy::ValueTree,
    string::{RegexGeneratorStrategy, string_regex},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use reqwest::Request;
use serde_json::json;

use super::*;
use crate::config::TwitterApp;

/// How many requests are signed.
const REQUESTS: usize = 10_000;
/// The seed, unless `LEMON_TEST_SEED` is another.
const SEED: u64 = 5849;

/// A call, and who makes it.
#[derive(Debug, Clone)]
struct RandomCall {
    method: Method,
    origin: String,
    path: String,
    query: Vec<(String, String)>,
    json: Option<String>,
    callback: Option<String>,
    verifier: Option<String>,
    token: Option<(String, String)>,
    consumer: (String, String),
}

/// What is changed after the signature.
const CHANGES: [fn(&mut Value); 8] = [
    |request| request["method"] = json!("PROPFIND"),
    |request| append(&mut request["consumer"][1], "x"),
    |request| append(&mut request["token"][1], "x"),
    |request| append(&mut request["url"], "&a=b"),
    |request| replace(&mut request["url"], "://", "://x."),
    |request| replace(&mut request["url"], "?", "/?"),
    |request| {
        let header = &mut request["headers"]["authorization"];
        replace(header, "oauth_timestamp=\"1", "oauth_timestamp=\"2");
    },
    |request| {
        let header = &mut request["headers"]["authorization"];
        replace(header, "oauth_nonce=\"", "oauth_nonce=\"x");
    },
];

fn append(text: &mut Value, end: &str) {
    *text = json!(format!("{}{end}", text.as_str().unwrap()));
}

fn replace(text: &mut Value, from: &str, to: &str) {
    let changed = text.as_str().unwrap().replacen(from, to, 1);
    assert_ne!(*text, changed, "nothing was changed");
    *text = json!(changed);
}

fn origins() -> impl Strategy<Value = String> {
    let hosts = [
        "api.x.com",
        "API.X.com",
        "localhost",
        "127.0.0.1",
        "[::1]",
        "[2001:DB8:0:0::1]",
        "b\u{fc}cher.example",
        "a-b.example",
    ];
    let ports = ["", "", ":80", ":443", ":8080", ":65535"];
    (
        select(vec!["http", "https"]),
        select(hosts.to_vec()),
        select(ports.to_vec()),
    )
        .prop_map(|(scheme, host, port)| format!("{scheme}://{host}{port}"))
}

/// Texts of this form. Parsed once: proptest parses a text that is a strategy each time.
fn regex(form: &str) -> RegexGeneratorStrategy<String> {
    string_regex(form).unwrap()
}

/// oauthlib loses a `;` at the end of a path.
fn paths() -> impl Strategy<Value = String> {
    regex("(/[A-Za-z0-9._~!$&'()*+,;=:@ %\u{e9}\u{6f22}\u{1f34b}|^\"<>`{}-]{0,9}){1,4}")
        .prop_filter("ends in ;", |path| !path.ends_with(';'))
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        regex("[A-Za-z0-9_-]{1,40}"),
        regex("[ -~]{1,20}"),
        regex("[\\PC&&[^\u{feff}]]{1,12}"),
        regex("[+/=%&?~*'()!\u{e9}\u{1f34b} ]{1,12}"),
    ]
}

fn queries() -> impl Strategy<Value = Vec<(String, String)>> {
    let names =
        regex("[A-Za-z0-9._-]{1,8}").prop_filter("is OAuth's", |name| !name.starts_with("oauth_"));
    let pair = (names, prop_oneof![Just(String::new()), text()]);
    let repeated = (regex("[a-z]{1,3}"), vec(regex("[A-Za-z0-9._-]{0,4}"), 2..4)).prop_map(
        |(name, values)| {
            values
                .into_iter()
                .map(|it| (name.clone(), it))
                .collect::<Vec<_>>()
        },
    );
    prop_oneof![
        1 => Just(Vec::new()),
        4 => vec(pair, 1..6).prop_map(|mut pairs| {
            pairs.sort();
            pairs.dedup_by(|one, other| one.0 == other.0);
            pairs
        }),
        2 => repeated,
    ]
}

fn calls() -> impl Strategy<Value = RandomCall> {
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
    let methods = methods.map(|name| name.parse::<Method>().unwrap());
    let place = (select(methods.to_vec()), origins(), paths(), queries());
    let callback = "https://[a-z]{1,8}\\.example/[a-z]{0,5}(\\?[a-z]=[a-z%20&=]{0,5})?";
    let given = (
        option::of(regex("[ -~]{0,30}")),
        option::of(regex(callback)),
        option::of(text()),
        option::of((text(), text())),
        (text(), text()),
    );
    (place, given).prop_map(
        |((method, origin, path, query), (json, callback, verifier, token, consumer))| RandomCall {
            method,
            origin,
            path,
            query,
            json,
            callback,
            verifier,
            token,
            consumer,
        },
    )
}

fn signed(random: &RandomCall, http: &reqwest::Client) -> Request {
    let (key, secret) = random.consumer.clone();
    let app = TwitterApp {
        consumer_key: key.into(),
        consumer_secret: secret.into(),
        callback_url: "https://app.example/".parse().unwrap(),
    };
    let config = TwitterConfig::new(random.origin.parse().unwrap(), app);
    let clock = Arc::new(FakeClock::default());
    let client = SigningClient::new(Some(http.clone()), config, clock).unwrap();
    let token = random
        .token
        .as_ref()
        .map(|(token, secret)| (token.as_str(), secret.clone().into()));
    let callback = random
        .callback
        .as_ref()
        .map(|url| url.parse::<Url>().unwrap());
    let query = random.query.iter();
    let call = TwitterCall {
        query: query
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect(),
        json: random.json.as_ref().map(|text| json!({ "text": text })),
        callback: callback.as_ref(),
        verifier: random.verifier.as_deref(),
        token: token.as_ref().map(|(token, secret)| (*token, secret)),
        ..TwitterCall::new(
            ApiCall::PostTweet,
            random.method.clone(),
            random.path.clone(),
        )
    };
    let line = client.lines.current();
    client.sign(&line, call).unwrap().build().unwrap()
}

/// The request as it goes over the wire, and the secrets.
fn told(random: &RandomCall, request: &Request) -> Value {
    let headers: Value = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let body = request.body().and_then(reqwest::Body::as_bytes);
    json!({
        "method": request.method().as_str(),
        "url": request.url().as_str(),
        "headers": headers,
        "body": body.map(|body| str::from_utf8(body).unwrap()),
        "consumer": random.consumer,
        "token": random.token.clone().unwrap_or_default(),
    })
}

/// The same with a change, if the request has what is changed.
fn changed(number: usize, random: &RandomCall, request: &Value) -> Value {
    let mut changed = request.clone();
    let fits = [
        true,
        true,
        random.token.is_some(),
        !random.query.is_empty(),
        !random.origin.contains('['),
        !random.query.is_empty(),
        true,
        true,
    ];
    let at = number % CHANGES.len();
    CHANGES[if fits[at] { at } else { 0 }](&mut changed);
    changed
}

fn seed() -> u64 {
    env::var("LEMON_TEST_SEED").map_or(SEED, |seed| seed.parse().unwrap())
}

#[test]
fn oauthlib_verifies_what_is_signed_here_and_nothing_else() {
    let seed = seed();
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let calls = calls();
    let http = reqwest::Client::new();
    let requests: Vec<_> = (0..REQUESTS)
        .flat_map(|number| {
            let random = calls.new_tree(&mut runner).unwrap().current();
            let request = told(&random, &signed(&random, &http));
            let changed = changed(number, &random, &request);
            [(request, true), (changed, false)]
        })
        .collect();
    let lines = requests.iter().map(|(request, _)| request.to_string());
    let verdicts = python(include_str!("verify.py"), &[], lines);
    assert_eq!(verdicts.len(), requests.len());
    for ((request, expected), verdict) in requests.iter().zip(verdicts) {
        assert_eq!(
            verdict,
            expected.to_string(),
            "seed {seed} (LEMON_TEST_SEED), request {request:#}"
        );
    }
}
