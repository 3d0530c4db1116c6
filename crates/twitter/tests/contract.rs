//! The client keeps the port's contract against a Twitter that checks every signature.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use lemon_contracts::twitter_client::{Consent, TwitterSubject};
use lemon_domain::values::{RequestToken, Verifier};
use lemon_fakes::{FakeClock, SequentialIds};
use lemon_sandbox::{Sandbox, SandboxConfig};
use lemon_twitter::{HttpTwitterClient, TwitterApi, TwitterApp, TwitterConfig};
use reqwest::{header, redirect};
use tokio_util::sync::CancellationToken;
use url::Url;

const CONSUMER_KEY: &str = "a consumer's key";
const CONSUMER_SECRET: &str = "a consumer's secret & more";
const CALLBACK: &str = "http://localhost:3000/signed-in?from=twitter";

/// A person with a browser.
struct Person {
    sandbox: Url,
    browser: reqwest::Client,
}

#[async_trait]
impl Consent for Person {
    async fn authorize(&self, token: &RequestToken, person: u32) -> Verifier {
        let answer = self
            .browser
            .post(self.sandbox.join("oauth/authorize").unwrap())
            .form(&[
                ("oauth_token", token.as_str()),
                ("person", &person.to_string()),
                ("decision", "authorize"),
            ])
            .send()
            .await
            .unwrap();
        let back = answer.headers()[header::LOCATION].to_str().unwrap();
        assert!(back.starts_with(CALLBACK), "{back}");
        let back = Url::parse(back).unwrap();
        let (_, verifier) = back
            .query_pairs()
            .find(|(key, _)| key == "oauth_verifier")
            .unwrap();
        Verifier::parse(verifier).unwrap()
    }
}

fn subject_with(api: TwitterApi) -> TwitterSubject {
    let clock = Arc::new(FakeClock::default());
    let config = SandboxConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        consumer_key: CONSUMER_KEY.to_owned(),
        consumer_secret: CONSUMER_SECRET.into(),
        callback_urls: vec![CALLBACK.parse().unwrap()],
        token_key: "key".into(),
        state_dir: None,
        allow_public: false,
    };
    let ids = Arc::new(SequentialIds::default());
    let sandbox = Sandbox::bind(config, clock.clone(), ids).unwrap();
    let url = sandbox.url().clone();
    let stop = CancellationToken::new();
    tokio::spawn(sandbox.run(stop.clone()));

    let app = TwitterApp {
        consumer_key: CONSUMER_KEY.into(),
        consumer_secret: CONSUMER_SECRET.into(),
        callback_url: CALLBACK.parse().unwrap(),
    };
    // No case is about the machine's speed.
    let config = TwitterConfig::new(url.clone(), app)
        .with_api(api)
        .with_deadline(Duration::from_secs(60));
    let client = HttpTwitterClient::connect(&config, clock).unwrap();
    let browser = reqwest::Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .build()
        .unwrap();
    let person = Person {
        sandbox: url,
        browser,
    };
    TwitterSubject::new(Arc::new(client), Arc::new(person), stop.drop_guard())
}

mod v2 {
    async fn subject() -> super::TwitterSubject {
        super::subject_with(super::TwitterApi::V2)
    }

    lemon_contracts::twitter_client_suite!(subject);
}

mod v1_1 {
    async fn subject() -> super::TwitterSubject {
        super::subject_with(super::TwitterApi::V1_1)
    }

    lemon_contracts::twitter_client_suite!(subject);
}
