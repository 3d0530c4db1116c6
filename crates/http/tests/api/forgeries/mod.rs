//! Tokens as attackers make them, in tables by kinds, after RFC 8725 and the published vectors of JWS: none is accepted, over HTTP
//! too, and none makes a 5xx. Tokens that the earlier system or another good library may have written are accepted.

mod algorithms;
mod claims;
mod encodings;
mod good;
mod headers;
mod keys;
mod shapes;
mod signatures;
mod texts;
mod vectors;

use std::collections::HashSet;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::{StreamExt, stream};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{StatusCode, header::HeaderValue};
use serde_json::Value;
use sha2::Sha512;

use crate::{
    app::{App, header},
    forge::{self, KEY},
};

/// The fewest forgeries in the tables, each of another kind. Sweeps over positions come on top.
const FEWEST: usize = 600;

/// The header of most forgeries, and the claims of a person who is known.
const HEADER: &str = r#"{"typ":"JWT","alg":"HS512"}"#;
const CLAIMS: &str =
    r#"{"sub":"user","user_id":1,"oauth_token":"1500000000000000001","exp":1795406400}"#;
/// The key of somebody who has none of ours.
const FOREIGN_KEY: [u8; 64] = forge::key(b'x');

/// What a caller is told whose token is refused for itself.
const REFUSALS: [&str; 2] = [
    "The token is malformed, altered or signed by somebody else.",
    "Sign in again.",
];

/// A token that must be refused, and what is wrong with it.
#[derive(Clone)]
struct Forgery {
    what: String,
    token: Vec<u8>,
}

fn forgery(what: impl Into<String>, token: impl Into<Vec<u8>>) -> Forgery {
    Forgery {
        what: what.into(),
        token: token.into(),
    }
}

fn encode(part: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(part)
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| {
            [
                DIGITS[usize::from(byte >> 4)],
                DIGITS[usize::from(byte & 15)],
            ]
        })
        .map(char::from)
        .collect()
}

/// The part of a token that is signed.
fn message(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    format!("{}.{}", encode(header), encode(claims))
}

fn hmac_sha512(key: &[u8], message: &[u8]) -> Vec<u8> {
    let tag = Hmac::<Sha512>::new_from_slice(key).unwrap();
    tag.chain_update(message).finalize().into_bytes().to_vec()
}

/// Signed with HS512, whatever the header says.
fn signed(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>, key: &[u8]) -> String {
    forge::sign(&message(header, claims), key)
}

/// A forgery whose only fault is in the header: its signature is ours.
fn with_header(header: impl AsRef<[u8]>) -> Forgery {
    let shown = String::from_utf8_lossy(header.as_ref()).into_owned();
    forgery(format!("header {shown}"), signed(header, CLAIMS, &KEY))
}

/// A forgery whose only fault is in the claims: its signature is ours.
fn with_claims(claims: impl AsRef<[u8]>) -> Forgery {
    let shown = String::from_utf8_lossy(claims.as_ref()).into_owned();
    forgery(format!("claims {shown}"), signed(HEADER, claims, &KEY))
}

fn tables() -> Vec<Forgery> {
    [
        algorithms::forgeries(),
        claims::forgeries(),
        encodings::forgeries(),
        headers::forgeries(),
        keys::forgeries(),
        shapes::forgeries(),
        signatures::forgeries(),
        texts::forgeries(),
        vectors::forgeries(),
    ]
    .concat()
}

/// The header's value, if HTTP carries the token as it is: without control characters, and without white space at the end.
fn credentials(token: &[u8]) -> Option<HeaderValue> {
    let ends_in_space = token.last().is_none_or(u8::is_ascii_whitespace);
    let value = HeaderValue::from_bytes(&[b"Bearer ", token].concat());
    value.ok().filter(|_| !ends_in_space)
}

/// What is wrong with the answer to a forgery, if anything is.
async fn fault_over_http(app: &App, forgery: &Forgery) -> Option<String> {
    let credentials = credentials(&forgery.token)?;
    let call = app
        .get("/api/service")
        .header("Authorization", credentials)
        .send();
    let answer = call.await.unwrap();
    let status = answer.status();
    let challenge = header(&answer, "www-authenticate").to_owned();
    let body: Value = answer.json().await.unwrap_or_default();
    let refused = status == StatusCode::UNAUTHORIZED
        && challenge.starts_with(r#"Bearer realm="lemon", error="invalid_token""#)
        // A good token of an unknown person is refused as well: that would hide that it was accepted.
        && REFUSALS.contains(&body["detail"].as_str().unwrap_or_default());
    let what = &forgery.what;
    (!refused).then(|| format!("{what}: {status}, {challenge:?}, {body}"))
}

async fn assert_all_are_refused(app: &App, forgeries: &[Forgery]) {
    let accepted: Vec<_> = forgeries
        .iter()
        .filter_map(|forgery| {
            let text = str::from_utf8(&forgery.token).ok()?;
            let accepted = app.tokens.verify(text).ok()?;
            Some(format!("{}: {accepted:?}", forgery.what))
        })
        .collect();
    assert!(accepted.is_empty(), "{accepted:#?}");
    let faults: Vec<_> = stream::iter(forgeries)
        .map(|forgery| fault_over_http(app, forgery))
        .buffer_unordered(32)
        .filter_map(async |fault| fault)
        .collect()
        .await;
    assert!(faults.is_empty(), "{faults:#?}");
}

/// An application that knows the person of [`CLAIMS`].
async fn app() -> App {
    let app = App::start();
    let token = app.sign_in(1).await;
    let good = signed(HEADER, CLAIMS, &KEY);
    assert_eq!(app.tokens.verify(&good), app.tokens.verify(&token));
    app
}

#[tokio::test]
async fn no_forgery_is_accepted() {
    let app = app().await;
    let forgeries = tables();
    let different: HashSet<_> = forgeries.iter().map(|forgery| &forgery.token).collect();
    assert_eq!(different.len(), forgeries.len(), "{:#?}", twice(&forgeries));
    assert!(forgeries.len() >= FEWEST, "only {}", forgeries.len());
    let carried = forgeries
        .iter()
        .filter(|forgery| credentials(&forgery.token).is_some());
    println!(
        "{} forgeries, {} of them over HTTP",
        forgeries.len(),
        carried.count()
    );
    assert_all_are_refused(&app, &forgeries).await;
}

fn twice(forgeries: &[Forgery]) -> Vec<&String> {
    let mut seen = HashSet::new();
    let twice = forgeries
        .iter()
        .filter(|forgery| !seen.insert(&forgery.token));
    twice.map(|forgery| &forgery.what).collect()
}

#[tokio::test]
async fn no_alteration_of_a_good_token_is_accepted() {
    let app = app().await;
    let sweeps = [
        signatures::each_bit_flipped(),
        signatures::each_length(),
        encodings::each_character_changed(),
        keys::each_byte_changed(),
    ]
    .concat();
    println!("{} alterations", sweeps.len());
    assert_all_are_refused(&app, &sweeps).await;
}

#[tokio::test]
async fn good_tokens_are_accepted() {
    let app = app().await;
    for (what, token) in good::tokens() {
        let call = app.get("/api/service").bearer_auth(token).send().await;
        assert_eq!(call.unwrap().status(), StatusCode::OK, "{what}");
    }
}
