//! What only a Twitter that is told what to answer can show: X's own words, and answers that no Twitter should give.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod answers;
mod connections;
mod refusals;
mod signatures;
mod withheld;

use std::{error::Error, sync::Arc, time::Duration};

use lemon_domain::{
    ports::{AccessGrant, TwitterClient, TwitterError},
    values::{Credentials, ProviderUserId, RequestToken, Verifier},
};
use lemon_fakes::FakeClock;
use lemon_twitter::{HttpTwitterClient, TwitterApi, TwitterApp, TwitterConfig};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

const SECRETS: [&str; 5] = [
    "the-consumer-secret",
    "the-token-secret",
    "the-access-token",
    "the-request-token",
    "the-verifier",
];

fn config(url: &str) -> TwitterConfig {
    let app = TwitterApp {
        consumer_key: "the-consumer-key".into(),
        consumer_secret: "the-consumer-secret".into(),
        callback_url: "https://app.example/back?a=b".parse().unwrap(),
    };
    // A deadline is not what most tests are about.
    TwitterConfig::new(url.parse().unwrap(), app).with_deadline(Duration::from_secs(60))
}

fn client_with(config: &TwitterConfig) -> HttpTwitterClient {
    HttpTwitterClient::connect(config, Arc::new(FakeClock::default())).unwrap()
}

/// A Twitter that always answers the same, and a client of it.
async fn twitter(answer: ResponseTemplate) -> (MockServer, HttpTwitterClient) {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let client = client_with(&config(&server.uri()));
    (server, client)
}

fn me() -> Credentials {
    Credentials::new("the-access-token", "the-token-secret")
}

fn my_id() -> ProviderUserId {
    ProviderUserId::parse("12").unwrap()
}

async fn exchange(client: &HttpTwitterClient) -> Result<AccessGrant, TwitterError> {
    let token = RequestToken::parse("the-request-token").unwrap();
    let verifier = Verifier::parse("the-verifier").unwrap();
    client
        .access_token(&token, &"the-token-secret".into(), &verifier)
        .await
}

/// All that a log could show of an error.
fn told(error: &TwitterError) -> String {
    let mut told = format!("{error:?} {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error:?} {error}");
        cause = error.source();
    }
    told
}

fn assert_tells_no_secret(error: &TwitterError) {
    let told = told(error);
    for secret in SECRETS {
        assert!(!told.contains(secret), "{told}");
    }
}

const SHORT: Duration = Duration::from_millis(200);
