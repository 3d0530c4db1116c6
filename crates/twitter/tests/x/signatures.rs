//! Whether a signature is right, the sandbox says in `contract.rs`; here is what it is made of.

use std::collections::{BTreeMap, HashSet};

use super::*;

/// The parameters of each `Authorization` header that Twitter got.
async fn authorizations(server: &MockServer) -> Vec<BTreeMap<String, String>> {
    let requests = server.received_requests().await.unwrap();
    requests
        .iter()
        .map(|request| {
            let header = request.headers["authorization"].to_str().unwrap();
            parameters(header.strip_prefix("OAuth ").unwrap())
        })
        .collect()
}

fn parameters(header: &str) -> BTreeMap<String, String> {
    header
        .split(',')
        .map(|parameter| {
            let (key, value) = parameter.trim().split_once('=').unwrap();
            let value = value.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
            (key.to_owned(), value.to_owned())
        })
        .collect()
}

#[tokio::test]
async fn a_request_token_is_asked_for_with_the_callback() {
    let (server, client) = twitter(ResponseTemplate::new(500)).await;
    client.request_token().await.unwrap_err();
    let sent = &authorizations(&server).await[0];
    assert_eq!(
        sent["oauth_callback"],
        "https%3A%2F%2Fapp.example%2Fback%3Fa%3Db"
    );
    assert_eq!(sent["oauth_consumer_key"], "the-consumer-key");
    assert_eq!(sent["oauth_signature_method"], "HMAC-SHA1");
    assert_eq!(sent["oauth_version"], "1.0");
    assert!(!sent.contains_key("oauth_token"));
    // 20 bytes in Base64, percent-encoded.
    assert!(sent["oauth_signature"].ends_with("%3D"));
}

#[tokio::test]
async fn the_clock_dates_a_signature() {
    let (server, client) = twitter(ResponseTemplate::new(500)).await;
    client.request_token().await.unwrap_err();
    assert_eq!(
        authorizations(&server).await[0]["oauth_timestamp"],
        "1795402800"
    );
}

#[tokio::test]
async fn an_exchange_carries_the_request_token_and_the_verifier() {
    let (server, client) = twitter(ResponseTemplate::new(500)).await;
    exchange(&client).await.unwrap_err();
    let sent = &authorizations(&server).await[0];
    assert_eq!(sent["oauth_token"], "the-request-token");
    assert_eq!(sent["oauth_verifier"], "the-verifier");
    assert!(!sent.contains_key("oauth_callback"));
}

#[tokio::test]
async fn no_nonce_comes_twice_and_no_secret_is_sent() {
    let (server, client) = twitter(ResponseTemplate::new(500)).await;
    for _ in 0..20 {
        client.profile(&me()).await.unwrap_err();
    }
    let sent = authorizations(&server).await;
    let nonces: HashSet<&String> = sent.iter().map(|sent| &sent["oauth_nonce"]).collect();
    assert_eq!(nonces.len(), 20);
    for request in server.received_requests().await.unwrap() {
        let whole = format!("{:?} {} {:?}", request.headers, request.url, request.body);
        assert!(!whole.contains("secret"), "{whole}");
    }
}
