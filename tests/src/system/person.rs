use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::System;
use crate::{
    answer::Answer,
    wait::{PATIENCE, wait_until},
};

/// The maximum number of attempts to sign in. Twitter accepts a verifier only once: a caller that loses that answer, on
/// a slow machine, starts again.
const SIGN_INS: usize = 3;

/// A made-up person who has signed in. The sign-in survives restarts of the system.
#[derive(Debug, Clone)]
pub struct Person {
    client: Client,
    api: String,
    sandbox: String,
    /// Their bearer token.
    pub token: String,
    /// Our user id.
    pub user_id: u64,
    /// Twitter's user id.
    pub twitter_id: String,
}

impl Person {
    pub(crate) async fn sign_in(system: &System, twitter: &System, n: u32) -> Self {
        let mut login = try_sign_in(system, twitter, n).await;
        for _ in 1..SIGN_INS {
            if login.answer.status == 400 && login.is_repeated {
                login = try_sign_in(system, twitter, n).await;
            }
        }
        let login = login.answer.must_be(201);
        let token = login["access_token"].as_str().expect("an access token");
        let claims = claims(token);
        Self {
            client: system.client().clone(),
            api: system.url(""),
            sandbox: twitter.sandbox_url(""),
            token: token.into(),
            user_id: claims["user_id"].as_u64().expect("our number"),
            twitter_id: claims["oauth_token"].as_str().expect("Twitter's").into(),
        }
    }

    /// The same person, who calls another replica.
    #[must_use]
    pub fn at(&self, system: &System) -> Self {
        Self {
            api: system.url(""),
            ..self.clone()
        }
    }

    /// A call of the person to the API, for adding to it and sending it.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.api))
            .bearer_auth(&self.token)
    }

    /// Their Twitter profile.
    pub async fn profile(&self) -> Answer {
        send(self.request(Method::GET, "/api/twitter/user-profile")).await
    }

    /// Their registrations.
    pub async fn services(&self) -> Answer {
        send(self.request(Method::GET, "/api/service")).await
    }

    /// Registers for Learn Me, with an idempotency key or without.
    pub async fn register(&self, key: Option<&str>) -> Answer {
        let mut request = self.request(Method::POST, "/api/service/learn_me");
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        send(request).await
    }

    /// Registers for Draw Me.
    pub async fn register_to_be_drawn(&self) -> Answer {
        send(self.request(Method::POST, "/api/service/draw_me")).await
    }

    /// Registers as the web app does: a failed call is retried after 1, 2 and 4 seconds, with the same key; and after
    /// that every 4 seconds, like a person who tries again.
    pub async fn register_as_the_web_app(&self) -> Answer {
        let request = self.request(Method::POST, "/api/service/learn_me");
        insist(&request.header("Idempotency-Key", format!("key-{}", self.user_id)))
            .await
            .answer
    }

    /// Whether a place is free today.
    pub async fn can_use(&self) -> Answer {
        send(self.request(Method::GET, "/api/service/learn_me/can-use")).await
    }

    /// Makes Learn Me's result public, or private again.
    pub async fn set_public(&self, public: bool) -> Answer {
        let body = json!({ "service_type": "LEARNME", "public": public });
        send(self.request(Method::PUT, "/api/service").json(&body)).await
    }

    /// Deletes their data at Learn Me.
    pub async fn delete(&self) -> Answer {
        send(self.request(Method::DELETE, "/api/service/learn_me")).await
    }

    /// The sandbox's notifications for the person.
    pub async fn notifications(&self) -> Vec<Value> {
        let path = format!("/sandbox/notifications/{}", self.twitter_id);
        let answer = send(self.client.get(format!("{}{path}", self.sandbox))).await;
        match answer.must_be(200) {
            Value::Array(notifications) => notifications,
            other => panic!("not a list of notifications: {other}"),
        }
    }

    /// Waits until their training for Learn Me has finished.
    pub async fn wait_until_ready(&self) {
        wait_until("the training has finished", async || {
            let services = self.services().await.must_be(200);
            let mut services = services.as_array()?.iter();
            services
                .any(|service| service["service_type"] == "LEARNME" && service["ready"] == true)
                .then_some(())
        })
        .await;
    }
}

/// Agrees on the consent page and answers the verifier.
async fn consent(client: &Client, page: &str, token: &str, n: u32) -> String {
    let n = n.to_string();
    let form = [
        ("oauth_token", token),
        ("person", &n),
        ("decision", "authorize"),
    ];
    let answer = send(client.post(page).form(&form)).await;
    let location = answer.header("location");
    let location = location.unwrap_or_else(|| panic!("no way back to the web app: {answer:?}"));
    Url::parse(location)
        .expect("the callback is a URL")
        .query_pairs()
        .find_map(|(name, value)| (name == "oauth_verifier").then(|| value.into_owned()))
        .unwrap_or_else(|| panic!("no verifier in {location}"))
}

/// The claims of a JWT, without verification.
fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).expect("a JWT has three parts");
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims);
    serde_json::from_slice(&claims.expect("claims are base64url")).expect("claims are JSON")
}

/// Signs a person in, starting with the request token; answers the outcome of the last call.
async fn try_sign_in(system: &System, twitter: &System, n: u32) -> Insisted {
    let (token, verifier) = agree_at(system, twitter, n).await;
    let login = system
        .client()
        .post(system.url("/api/oauth/twitter/twitter-login"))
        .json(&json!({ "oauth_token": token, "oauth_verifier": verifier }));
    insist(&login).await
}

/// Begins a sign-in, and agrees to it as the `n`-th person: the token and verifier with which they come back.
pub(crate) async fn agree(system: &System, n: u32) -> (String, String) {
    agree_at(system, system, n).await
}

async fn agree_at(system: &System, twitter: &System, n: u32) -> (String, String) {
    let client = system.client();
    let pending = client.get(system.url("/api/oauth/twitter/request-token"));
    let pending = insist(&pending).await.answer.must_be(200);
    let token = pending["token"].as_str().expect("a request token");
    let verifier = consent(client, &twitter.sandbox_url("/oauth/authorize"), token, n).await;
    (token.to_owned(), verifier)
}

/// Sends until there is a real answer: a busy machine may be slower than the deadlines of the system, which answers 503
/// in that case, or 408 if the request came too late.
async fn insist(request: &RequestBuilder) -> Insisted {
    let mut pause = Duration::from_secs(1);
    let answered = async {
        let mut is_repeated = false;
        loop {
            let again = request.try_clone().expect("a body that is no stream");
            match again.send().await {
                Ok(response) if is_an_answer(response.status()) => {
                    let answer = Answer::read(response).await.expect("an answer");
                    return Insisted {
                        answer,
                        is_repeated,
                    };
                }
                _ => sleep(pause).await,
            }
            is_repeated = true;
            pause = (pause * 2).min(Duration::from_secs(4));
        }
    };
    let answer = timeout(2 * PATIENCE, answered).await;
    answer.expect("the call is answered")
}

/// The final answer.
struct Insisted {
    answer: Answer,
    /// Whether an earlier call got no answer.
    is_repeated: bool,
}

fn is_an_answer(status: StatusCode) -> bool {
    !status.is_server_error() && status != StatusCode::REQUEST_TIMEOUT
}

async fn send(request: RequestBuilder) -> Answer {
    let answer = async { Answer::read(request.send().await?).await }.await;
    answer.unwrap_or_else(|error| panic!("no answer: {error:?}"))
}
