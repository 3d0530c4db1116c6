//! What a caller of the client meets while the sandbox acts out a fault.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use lemon_domain::{
    ports::{TwitterClient, TwitterError},
    values::{Credentials, ProviderUserId, Verifier},
};
use lemon_fakes::{FakeClock, SequentialIds};
use lemon_sandbox::{Sandbox, SandboxConfig};
use lemon_twitter::{HttpTwitterClient, TwitterApp, TwitterConfig};
use reqwest::{Client, Response, header, redirect};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

const CALLBACK: &str = "http://localhost:3000/";
/// Of clients that a slow answer does not concern.
const PATIENCE: Duration = Duration::from_secs(60);

/// A sandbox, and a browser for its control.
struct Stage {
    url: Url,
    clock: Arc<FakeClock>,
    browser: Client,
    _stop: DropGuard,
}

impl Stage {
    fn new() -> Self {
        let clock = Arc::new(FakeClock::default());
        let config = SandboxConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            consumer_key: "key".to_owned(),
            consumer_secret: "secret".into(),
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
        let browser = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            url,
            clock,
            browser,
            _stop: stop.drop_guard(),
        }
    }

    fn client(&self, deadline: Duration) -> HttpTwitterClient {
        let app = TwitterApp {
            consumer_key: "key".into(),
            consumer_secret: "secret".into(),
            callback_url: CALLBACK.parse().unwrap(),
        };
        let config = TwitterConfig::new(self.url.clone(), app).with_deadline(deadline);
        HttpTwitterClient::connect(&config, self.clock.clone()).unwrap()
    }

    /// The credentials of a person who agreed.
    async fn sign_in(&self, person: u32) -> Credentials {
        let client = self.client(PATIENCE);
        let grant = client.request_token().await.unwrap();
        let agree = self.browser.post(self.url.join("oauth/authorize").unwrap());
        let agree = agree.form(&[
            ("oauth_token", grant.token.as_str()),
            ("person", &person.to_string()),
            ("decision", "authorize"),
        ]);
        let answer = agree.send().await.unwrap();
        let back = answer.headers()[header::LOCATION].to_str().unwrap();
        let back = Url::parse(back).unwrap();
        let mut pairs = back.query_pairs();
        let (_, verifier) = pairs.find(|(key, _)| key == "oauth_verifier").unwrap();
        let verifier = Verifier::parse(verifier).unwrap();
        let access = client.access_token(&grant.token, &grant.secret, &verifier);
        access.await.unwrap().credentials
    }

    async fn act(&self, fault: Value) -> Response {
        let call = self.browser.post(self.control()).json(&fault);
        call.send().await.unwrap()
    }

    fn control(&self) -> Url {
        self.url.join("sandbox/faults").unwrap()
    }
}

/// The first person's number at Twitter.
fn first() -> ProviderUserId {
    ProviderUserId::parse("1500000000000000001").unwrap()
}

/// The kind of an error, for comparing.
fn kind(error: &TwitterError) -> &'static str {
    match error {
        TwitterError::InvalidToken => "invalid token",
        TwitterError::Suspended => "suspended",
        TwitterError::RateLimited { .. } => "rate limited",
        TwitterError::Unavailable(_) => "unavailable",
        TwitterError::Rejected(_) => "rejected",
        _ => "another",
    }
}

#[tokio::test]
async fn each_fault_is_met_while_it_is_acted_out_and_not_afterwards() {
    let stage = Stage::new();
    let me = stage.sign_in(1).await;
    for (fault, expected) in [
        ("429", "rate limited"),
        ("402", "rejected"),
        ("453", "rejected"),
        ("locked", "suspended"),
        ("suspended", "suspended"),
        ("503", "unavailable"),
        ("broken", "unavailable"),
    ] {
        // A new client each time: one remembers a limit.
        let client = stage.client(PATIENCE);
        let acted = stage
            .act(json!({ "fault": fault, "calls": "profile" }))
            .await;
        assert_eq!(acted.status(), 201);
        let error = client.profile(&me).await.unwrap_err();
        assert_eq!(kind(&error), expected, "{fault}: {error:?}");
        client.tweets(&me, first(), None).await.unwrap();
        stage.act(json!({ "fault": "none" })).await;
        stage.client(PATIENCE).profile(&me).await.unwrap();
    }
}

#[tokio::test]
async fn a_page_of_a_proxy_is_no_answer_of_twitters() {
    let stage = Stage::new();
    let me = stage.sign_in(1).await;
    stage.act(json!({ "fault": "html_403" })).await;
    let call = stage.browser.get(stage.url.join("2/users/me").unwrap());
    let answer = call.send().await.unwrap();
    assert_eq!(answer.status(), 403);
    assert_eq!(
        answer.headers()[header::CONTENT_TYPE],
        "text/html; charset=utf-8"
    );
    assert!(stage.client(PATIENCE).profile(&me).await.is_err());
}

#[tokio::test]
async fn a_slow_answer_outlasts_the_deadline_and_an_end_is_noticed() {
    let stage = Stage::new();
    let me = stage.sign_in(1).await;
    let client = stage.client(Duration::from_millis(300));
    stage
        .act(json!({ "fault": "slow", "seconds": 5, "times": 1 }))
        .await;
    let error = client.profile(&me).await.unwrap_err();
    assert_eq!(kind(&error), "unavailable");
    stage.client(PATIENCE).profile(&me).await.unwrap();
}

#[tokio::test]
async fn a_limit_resets_after_the_seconds() {
    let stage = Stage::new();
    let me = stage.sign_in(1).await;
    let client = stage.client(PATIENCE);
    stage
        .act(json!({ "fault": "429", "seconds": 90, "times": 1 }))
        .await;
    for _ in 0..2 {
        let TwitterError::RateLimited { retry_after } = client.profile(&me).await.unwrap_err()
        else {
            unreachable!("the limit is reached");
        };
        assert_eq!(retry_after, Duration::from_secs(90));
    }
    stage.clock.advance(Duration::from_secs(90));
    client.profile(&me).await.unwrap();
}

#[tokio::test]
async fn a_fault_of_one_person_is_not_met_by_another() {
    let stage = Stage::new();
    let (one, two) = (stage.sign_in(1).await, stage.sign_in(2).await);
    let client = stage.client(PATIENCE);
    stage.act(json!({ "fault": "locked", "person": 1 })).await;
    assert_eq!(kind(&client.profile(&one).await.unwrap_err()), "suspended");
    client.profile(&two).await.unwrap();
    stage.act(json!({ "fault": "revoke", "person": 2 })).await;
    assert_eq!(
        kind(&client.profile(&two).await.unwrap_err()),
        "invalid token"
    );
    let call = stage.browser.delete(stage.control()).send().await.unwrap();
    assert_eq!(call.json::<Value>().await.unwrap(), json!({ "faults": [] }));
    client.profile(&one).await.unwrap();
}

#[tokio::test]
async fn a_person_controls_the_faults_on_a_page_and_no_other_site_does() {
    let stage = Stage::new();
    let form = [
        ("fault", "429"),
        ("calls", "profile"),
        ("person", ""),
        ("times", "2"),
        ("seconds", "60"),
    ];
    let send = || stage.browser.post(stage.control()).form(&form);
    let foreign = send()
        .header("sec-fetch-site", "cross-site")
        .send()
        .await
        .unwrap();
    assert_eq!(foreign.status(), 403);
    let own = send()
        .header("sec-fetch-site", "same-origin")
        .send()
        .await
        .unwrap();
    assert_eq!(own.status(), 303);
    assert_eq!(own.headers()[header::LOCATION], "/sandbox/faults");
    let page = stage
        .browser
        .get(stage.control())
        .header("accept", "text/html");
    let page = page.send().await.unwrap().text().await.unwrap();
    assert!(
        page.contains("the limit is reached") && page.contains("2×"),
        "{page}"
    );
    let listed = stage.browser.get(stage.control()).send().await.unwrap();
    let fault =
        json!({ "fault": "429", "calls": "profile", "person": null, "times": 2, "seconds": 60 });
    assert_eq!(
        listed.json::<Value>().await.unwrap(),
        json!({ "faults": [fault] })
    );
    for wrong in [
        json!({}),
        json!({ "fault": "flood" }),
        json!({ "fault": "429", "calls": "all of them" }),
        json!({ "fault": "429", "person": 0 }),
        json!({ "fault": "429", "times": "often" }),
        json!({ "fault": "revoke" }),
        json!([]),
    ] {
        assert_eq!(stage.act(wrong.clone()).await.status(), 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_site_that_rebinds_its_name_agrees_for_nobody() {
    let stage = Stage::new();
    for path in [
        "timeline",
        "oauth/authorize",
        "sandbox/faults",
        "2/users/me",
    ] {
        let call = stage.browser.get(stage.url.join(path).unwrap());
        let answer = call.header("host", "evil.example").send().await.unwrap();
        assert_eq!(answer.status(), 421, "{path}");
    }
}
