//! The journey of one person, over real HTTP.

use std::{fmt::Display, io::Write, time::Duration};

use anyhow::{Context, bail, ensure};
use reqwest::{Client, Method, RequestBuilder, StatusCode, header::LOCATION, redirect::Policy};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use url::Url;

use crate::{
    app::{App, ListenAddresses, Plan, StartError},
    config::{Overrides, load},
    logging,
};

/// The sandbox's person who makes the journey.
const PERSON: u32 = 1;
/// The configuration of the demo's own system.
const OWN: [(&str, &str); 5] = [
    ("LEMON_HTTP__LISTEN", "127.0.0.1:0"),
    ("LEMON_OPS__LISTEN", "127.0.0.1:0"),
    ("LEMON_SANDBOX__LISTEN", "127.0.0.1:0"),
    ("LEMON_SANDBOX__TRAINING_SECONDS", "1"),
    ("LEMON_LOG__FILTER", "error"),
];
/// How long a training and its notification may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Starts a separate system, lets a person make the journey, and stops it.
pub(super) async fn run() -> Result<(), StartError> {
    let data_dir = tempfile::tempdir().context("there is no place for a temporary folder")?;
    let overrides = Overrides {
        file: None,
        data_dir: Some(data_dir.path().to_owned()),
    };
    let own = OWN.map(|(name, value)| (name.into(), value.into()));
    let (settings, _) = load(&overrides, own)?;
    logging::init(&settings.log)?;
    let app = Box::pin(App::start(Plan::new(settings)?)).await?;
    let journey = Journey::new(app.addresses())?;
    let steps = app.run(journey.make()).await??;
    writeln!(std::io::stdout(), "every one of {steps} steps held").context("cannot print")?;
    Ok(())
}

/// Acts as a person with a browser.
struct Journey {
    api: Url,
    sandbox: Url,
    client: Client,
    bearer: Option<String>,
    steps: usize,
}

impl Journey {
    fn new(addresses: &ListenAddresses) -> anyhow::Result<Self> {
        Ok(Self {
            api: format!("http://{}/", addresses.http).parse()?,
            sandbox: addresses
                .sandbox
                .map(|sandbox| format!("http://{sandbox}/").parse())
                .context("there is no sandbox")??,
            client: Client::builder()
                .redirect(Policy::none())
                .timeout(Duration::from_secs(10))
                .build()?,
            bearer: None,
            steps: 0,
        })
    }

    /// Makes the whole journey; the first step that fails ends it.
    async fn make(mut self) -> anyhow::Result<usize> {
        let account = self.sign_in().await?;
        let profile = self.get("api/twitter/user-profile").await?;
        let name = text(&profile, "screen_name")?;
        let followers = &profile["follower_count"];
        self.step(format_args!("profile of @{name}, {followers} followers"))?;

        let before = self.get("api/service/learn_me/can-use").await?;
        ensure!(before["can_use"] == true, "there is no place: {before}");
        let registered = self
            .send(Method::POST, "api/service/learn_me", StatusCode::CREATED)
            .await?;
        let (count, limit) = (&registered["register_count"], &registered["register_limit"]);
        self.step(format_args!("registered: today's {count} of {limit}"))?;
        let after = self.get("api/service/learn_me/can-use").await?;
        ensure!(
            after["register_count"].as_u64() == before["register_count"].as_u64().map(|n| n + 1),
            "the place was not counted: {before}, then {after}"
        );
        self.second_request_is_refused().await?;
        self.wait_for_training().await?;
        self.wait_for_notification(&account).await?;
        self.delete().await?;
        Ok(self.steps)
    }

    async fn sign_in(&mut self) -> anyhow::Result<String> {
        let grant = self.get("api/oauth/twitter/request-token").await?;
        let token = text(&grant, "token")?;
        self.step("request token from Twitter, its secret stays on the server")?;
        let consent = self
            .client
            .post(self.sandbox.join("oauth/authorize")?)
            .form(&[
                ("oauth_token", token),
                ("person", &PERSON.to_string()),
                ("decision", "authorize"),
            ])
            .send()
            .await?;
        let location = consent
            .headers()
            .get(LOCATION)
            .context("Twitter did not send the person back")?;
        let back = Url::parse(location.to_str()?)?;
        let verifier = back
            .query_pairs()
            .find_map(|(name, value)| (name == "oauth_verifier").then(|| value.into_owned()))
            .context("Twitter sent no verifier")?;
        self.step("the person presses Authorize app on Twitter's page")?;
        let body = json!({ "oauth_token": token, "oauth_verifier": verifier });
        let url = self.api.join("api/oauth/twitter/twitter-login")?;
        let answer = self.client.post(url).json(&body).send().await?;
        ensure!(
            answer.status() == StatusCode::CREATED,
            "{}",
            answer.text().await?
        );
        let signed_in: Value = answer.json().await?;
        let jwt = text(&signed_in, "access_token")?.to_owned();
        let account = account_of(&jwt)?;
        self.bearer = Some(jwt);
        self.step(format_args!(
            "signed in as Twitter user {account}, with a JWT"
        ))?;
        Ok(account)
    }

    async fn second_request_is_refused(&mut self) -> anyhow::Result<()> {
        let problem = self
            .send(
                Method::POST,
                "api/service/learn_me",
                StatusCode::TOO_MANY_REQUESTS,
            )
            .await?;
        let until = text(&problem, "can_use_time")?;
        self.step(format_args!(
            "a second request is refused: cooldown until {until}"
        ))
    }

    async fn wait_for_training(&mut self) -> anyhow::Result<()> {
        let since = Instant::now();
        while self.get("api/service").await?[0]["ready"] != true {
            ensure!(
                since.elapsed() < PATIENCE,
                "the training never became ready"
            );
            sleep(Duration::from_millis(100)).await;
        }
        let seconds = since.elapsed().as_secs_f64();
        self.step(format_args!(
            "the worker has trained: ready after {seconds:.1} s"
        ))
    }

    async fn wait_for_notification(&mut self, account: &str) -> anyhow::Result<()> {
        let url = self.sandbox.join("sandbox/notifications/")?.join(account)?;
        let since = Instant::now();
        loop {
            let posts: Vec<Value> = self.client.get(url.clone()).send().await?.json().await?;
            match posts.as_slice() {
                [] => {}
                [post] => {
                    let words = text(post, "text")?.to_owned();
                    return self.step(format_args!("one notification: “{words}”"));
                }
                more => bail!("{} notifications instead of one", more.len()),
            }
            ensure!(since.elapsed() < PATIENCE, "no notification came");
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn delete(&mut self) -> anyhow::Result<()> {
        self.send(Method::DELETE, "api/service/learn_me", StatusCode::OK)
            .await?;
        let left = self.get("api/service").await?;
        ensure!(left == json!([]), "something is left: {left}");
        self.step("deleted: nothing is listed any more")?;
        self.send(Method::DELETE, "api/service/learn_me", StatusCode::OK)
            .await?;
        self.send(
            Method::POST,
            "api/service/learn_me",
            StatusCode::TOO_MANY_REQUESTS,
        )
        .await?;
        self.step("deleting again is fine, and the cooldown outlives it")
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::GET, path, StatusCode::OK).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        expected: StatusCode,
    ) -> anyhow::Result<Value> {
        let what = format!("{method} /{path}");
        let request = self.client.request(method, self.api.join(path)?);
        let answer = self.authorized(request).send().await?;
        let (status, body) = (answer.status(), answer.text().await?);
        ensure!(status == expected, "{what} answered {status}: {body}");
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&body).with_context(|| format!("{what} answered no JSON"))
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.bearer {
            Some(jwt) => request.bearer_auth(jwt),
            None => request,
        }
    }

    fn step(&mut self, what: impl Display) -> anyhow::Result<()> {
        self.steps += 1;
        writeln!(std::io::stdout(), "{:>3}. {what}", self.steps)?;
        Ok(())
    }
}

fn text<'a>(value: &'a Value, field: &str) -> anyhow::Result<&'a str> {
    value[field]
        .as_str()
        .with_context(|| format!("no {field} in {value}"))
}

/// The Twitter user id in a JWT, read as the page reads it, without verification.
fn account_of(jwt: &str) -> anyhow::Result<String> {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let claims = jwt.split('.').nth(1).context("no JWT")?;
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims)?)?;
    Ok(text(&claims, "oauth_token")?.to_owned())
}
