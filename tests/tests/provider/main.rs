//! The program signs people in at an OAuth 1.0a provider that somebody else wrote: oauthlib's.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Stdio;

use lemon_test_servers::interpreter;
use lemon_tests::{Answer, System, SystemBuilder};
use reqwest::Url;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

const KEY: &str = "an application's key";
const SECRET: &str = "an application's secret & more";
const CALLBACK: &str = "http://app.example/back%20here?a=b";
const JWT_SECRET: &str = "cmVwbGljYXMgc2hhcmUgdGhlaXIga2V5cywgb3Igb25lIHdvdWxkIHR1cm4gYXdheSB3aG9tIGFub3RoZXIgbGV0IGluISE=";
const SEALING_KEY: &str = "a:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// The provider; it ends with this.
struct Provider {
    url: String,
    _process: Child,
}

impl Provider {
    async fn start() -> Self {
        let mut process = Command::new(interpreter())
            .args(["-c", include_str!("provider.py")])
            .env("CONSUMER_KEY", KEY)
            .env("CONSUMER_SECRET", SECRET)
            .env("CALLBACK", CALLBACK)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let printed = BufReader::new(process.stdout.take().unwrap());
        let port = printed.lines().next_line().await.unwrap();
        Self {
            url: format!("http://127.0.0.1:{}", port.unwrap()),
            _process: process,
        }
    }

    /// The program as an application of this provider that has these secrets.
    fn program(&self, folder: &TempDir, key: &str, secret: &str) -> SystemBuilder {
        [
            ("STORE__URL", "embedded"),
            ("STORE__SEALING_KEYS", SEALING_KEY),
            ("QUOTA__URL", "embedded"),
            ("QUEUE__URL", "embedded"),
            ("JWT__SECRETS", JWT_SECRET),
            ("HTTP__PROFILE_CACHE_SECONDS", "0"),
            ("TWITTER__URL", &self.url),
            ("TWITTER__CONSUMER_KEY", key),
            ("TWITTER__CONSUMER_SECRET", secret),
            ("TWITTER__CALLBACK_URL", CALLBACK),
        ]
        .into_iter()
        .fold(
            System::builder().data_dir(folder.path().join("data")),
            |system, (key, value)| system.env(&format!("LEMON_{key}"), value),
        )
    }
}

async fn get(system: &System, path: &str, token: Option<&str>) -> Answer {
    let mut call = system.client().get(system.url(path));
    if let Some(token) = token {
        call = call.bearer_auth(token);
    }
    Answer::read(call.send().await.unwrap()).await.unwrap()
}

async fn log_in(system: &System, token: &Value, verifier: &str) -> Answer {
    let call = system
        .client()
        .post(system.url("/api/oauth/twitter/twitter-login"))
        .json(&json!({ "oauth_token": token, "oauth_verifier": verifier }));
    Answer::read(call.send().await.unwrap()).await.unwrap()
}

/// Begins a sign-in, and lets the person agree; answers the token, and the verifier that comes back.
async fn agreed(system: &System) -> (Value, String) {
    let begun = get(system, "/api/oauth/twitter/request-token", None).await;
    let begun = begun.must_be(200);
    let page = begun["authorization_url"].as_str().unwrap();
    let agreed = system.client().get(page).send().await.unwrap();
    let back = agreed.headers()["location"].to_str().unwrap();
    assert!(back.starts_with(CALLBACK), "{back}");
    let back = Url::parse(back).unwrap();
    let mut pairs = back.query_pairs();
    let (_, verifier) = pairs.find(|(name, _)| name == "oauth_verifier").unwrap();
    (begun["token"].clone(), verifier.into_owned())
}

#[tokio::test]
async fn a_person_signs_in_at_oauthlib_and_their_calls_are_signed() {
    let (provider, folder) = (Provider::start().await, TempDir::new().unwrap());
    let system = provider.program(&folder, KEY, SECRET).start().await;
    let (token, verifier) = agreed(&system).await;
    let login = log_in(&system, &token, &verifier).await.must_be(201);
    let jwt = login["access_token"].as_str().unwrap();
    let profile = get(&system, "/api/twitter/user-profile", Some(jwt)).await;
    let profile = profile.must_be(200);
    assert_eq!(profile["screen_name"], "oauthlib");
    assert_eq!(profile["screen_nickname"], "A Person");
}

#[tokio::test]
async fn a_verifier_that_oauthlib_did_not_give_signs_nobody_in() {
    let (provider, folder) = (Provider::start().await, TempDir::new().unwrap());
    let system = provider.program(&folder, KEY, SECRET).start().await;
    let (token, verifier) = agreed(&system).await;
    let foreign = log_in(&system, &token, &format!("{verifier}x")).await;
    assert!((400..500).contains(&foreign.status), "{foreign:?}");
    assert_eq!(foreign.code(), Some("sign_in_rejected"));
}

#[tokio::test]
async fn oauthlib_refuses_an_application_with_another_key_or_secret() {
    let provider = Provider::start().await;
    for (key, secret) in [
        (KEY, "another secret of an application"),
        (KEY, "an application's secret"),
        ("another application's key", SECRET),
    ] {
        let folder = TempDir::new().unwrap();
        let system = provider.program(&folder, key, secret).start().await;
        let refused = get(&system, "/api/oauth/twitter/request-token", None).await;
        assert!(refused.status >= 500, "{refused:?}");
        assert_eq!(refused.body["token"], Value::Null);
    }
}
