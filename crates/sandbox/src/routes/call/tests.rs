//! Random requests, signed by another implementation (oauthlib) and verified here.

use std::env;

use actix_web::{http::Method, test::TestRequest};
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
use serde::Serialize;

use super::*;
use crate::oauth::{Authorization, SignedRequest, SigningSecrets};

/// How many requests are signed.
const REQUESTS: usize = 10_000;
/// The seed, unless `LEMON_TEST_SEED` is another.
const SEED: u64 = 5849;

const FORM: &str = "application/x-www-form-urlencoded";

/// A request, and who makes it.
#[derive(Debug, Clone, Serialize)]
struct RandomRequest {
    method: &'static str,
    scheme: &'static str,
    host: String,
    target: String,
    body: Option<String>,
    content_type: Option<&'static str>,
    realm: Option<String>,
    callback: Option<String>,
    verifier: Option<String>,
    nonce: String,
    timestamp: String,
    token: Option<(String, String)>,
    consumer: (String, String),
}

fn hosts() -> impl Strategy<Value = String> {
    let names = [
        "api.x.com",
        "API.X.com",
        "localhost",
        "127.0.0.1",
        "[::1]",
        "a-b.example",
    ];
    let ports = ["", "", ":80", ":443", ":8080", ":65535"];
    (select(names.to_vec()), select(ports.to_vec()))
        .prop_map(|(name, port)| format!("{name}{port}"))
}

/// Texts of this form. Parsed once: proptest parses a text that is a strategy each time.
fn regex(form: &str) -> RegexGeneratorStrategy<String> {
    string_regex(form).unwrap()
}

/// An escape of one or more bytes, in both cases.
const ESCAPED: &str =
    "(%20|%2B|%2b|%25|%2F|%2f|%3D|%26|%7E|%7e|%C3%A9|%c3%a9|%F0%9F%8D%8B|%00|%22)";

/// oauthlib loses a `;` at the end of a path.
fn paths() -> impl Strategy<Value = String> {
    let segment = format!("([A-Za-z0-9._~!$&'()*+,;=:@-]|{ESCAPED}){{0,6}}");
    let paths = format!("(/{segment}){{1,4}}");
    regex(&paths).prop_filter("ends in ;", |path| !path.ends_with(';'))
}

/// Pairs as they may stand in a query or a form: repeated, empty, without a value, with reserved characters; none is OAuth's.
fn pairs() -> impl Strategy<Value = String> {
    let text = format!("([A-Za-z0-9._~!$'()*+,;:@/?-]|{ESCAPED}){{0,5}}");
    let pair = format!("{text}(=({text}|=|a=b))?");
    let pair = prop_oneof![
        4 => regex(&pair),
        1 => regex("[ab]=[12]"),
    ];
    vec(pair, 0..6).prop_map(|pairs| pairs.join("&"))
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        regex("[A-Za-z0-9_-]{1,40}"),
        regex("[!-~]{1,20}"),
        regex("[\\PC&&[^\u{feff}\\s]]{1,12}"),
        regex("[+/=%&?~*'()!\u{e9}\u{1f34b}]{1,12}"),
    ]
}

fn bodies() -> impl Strategy<Value = (&'static str, Option<String>, Option<&'static str>)> {
    let bare =
        select(vec!["GET", "HEAD", "DELETE", "OPTIONS"]).prop_map(|method| (method, None, None));
    let writing = select(vec!["POST", "PUT", "PATCH", "DELETE"]);
    let form =
        (writing.clone(), pairs()).prop_map(|(method, form)| (method, Some(form), Some(FORM)));
    let json = (writing, regex("\\{\"[a-z=&]{0,9}\":[0-9]\\}"))
        .prop_map(|(method, json)| (method, Some(json), Some("application/json")));
    prop_oneof![2 => bare, 3 => form, 1 => json]
}

fn requests() -> impl Strategy<Value = RandomRequest> {
    let target = (paths(), option::of(pairs()))
        .prop_map(|(path, query)| query.map_or(path.clone(), |query| format!("{path}?{query}")));
    let place = (bodies(), select(vec!["http", "https"]), hosts(), target);
    let given = (
        option::of(regex("[A-Za-z0-9 ,=%/:.-]{1,20}")),
        option::of(regex(
            "https://[a-z]{1,8}\\.example/[a-z]{0,5}(\\?[a-z]=[a-z&=]{0,5})?",
        )),
        option::of(text()),
        regex("[A-Za-z0-9]{1,32}"),
        regex("[1-9][0-9]{0,11}"),
        option::of((text(), text())),
        (text(), text()),
    );
    (place, given).prop_map(
        |(((method, body, content_type), scheme, host, target), given)| {
            let (realm, callback, verifier, nonce, timestamp, token, consumer) = given;
            RandomRequest {
                method,
                scheme,
                host,
                target,
                body,
                content_type,
                realm,
                callback,
                verifier,
                nonce,
                timestamp,
                token,
                consumer,
            }
        },
    )
}

/// The call as it is read from the wire.
async fn received(request: &RandomRequest, authorization: &str) -> ReceivedCall {
    let mut wire = TestRequest::with_uri(&request.target)
        .method(request.method.parse::<Method>().unwrap())
        .insert_header((header::HOST, request.host.as_str()))
        .insert_header(("X-Forwarded-Proto", request.scheme))
        .insert_header((header::AUTHORIZATION, authorization));
    if let Some(kind) = request.content_type {
        wire = wire.insert_header((header::CONTENT_TYPE, kind));
    }
    if let Some(body) = &request.body {
        wire = wire.set_payload(body.clone());
    }
    let (request, mut payload) = wire.to_http_parts();
    let call = SignedCall::from_request(&request, &mut payload).await;
    call.unwrap().received()
}

fn is_signed(call: &ReceivedCall, secrets: SigningSecrets<'_>) -> bool {
    let header = call.authorization.as_deref().and_then(Authorization::parse);
    header.is_some_and(|authorization| {
        let request = SignedRequest {
            method: &call.method,
            url: &call.url,
            query: &call.query,
            form: &call.form,
            authorization: &authorization,
        };
        request.is_signed_with(secrets)
    })
}

/// What is changed after the signature.
const CHANGES: [fn(&mut RandomRequest); 6] = [
    |request| request.method = "PROPFIND",
    |request| {
        let separator = if request.target.contains('?') {
            '&'
        } else {
            '?'
        };
        request.target.push(separator);
        request.target.push_str("x=y");
    },
    |request| request.target.insert(1, 'x'),
    |request| {
        let at = usize::from(request.host.starts_with('['));
        request.host.insert(at, '1');
    },
    |request| request.consumer.1.push('x'),
    |request| {
        if let Some((_, secret)) = &mut request.token {
            secret.push('x');
        } else {
            request.token = Some(("x".to_owned(), "x".to_owned()));
        }
    },
];

async fn verdict(request: &RandomRequest, authorization: &str) -> bool {
    let call = received(request, authorization).await;
    let secrets = SigningSecrets {
        consumer: &request.consumer.1,
        token: request.token.as_ref().map_or("", |(_, secret)| secret),
    };
    is_signed(&call, secrets)
}

fn seed() -> u64 {
    env::var("LEMON_TEST_SEED").map_or(SEED, |seed| seed.parse().unwrap())
}

#[actix_web::test]
async fn what_oauthlib_signs_is_verified_here_and_nothing_else() {
    let seed = seed();
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = requests();
    let requests: Vec<_> = (0..REQUESTS)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect();
    let lines = requests.iter().map(|it| serde_json::to_string(it).unwrap());
    let headers = python(include_str!("sign.py"), &[], lines);
    assert_eq!(headers.len(), requests.len());
    for (number, (request, header)) in requests.iter().zip(headers).enumerate() {
        let header: String = serde_json::from_str(&header).unwrap();
        let mut changed = request.clone();
        CHANGES[number % CHANGES.len()](&mut changed);
        for (request, expected) in [(request, true), (&changed, false)] {
            assert_eq!(
                verdict(request, &header).await,
                expected,
                "seed {seed} (LEMON_TEST_SEED), {header}, {request:#?}"
            );
        }
    }
}
