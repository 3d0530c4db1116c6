use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use lemon_domain::{ports::Clock, values::Credentials};
use reqwest::{Method, Response, header};
use reqwest_oauth1::{OAuthClientProvider, OAuthParameters, SecretsProvider};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use crate::{
    accepted::AcceptedCalls,
    body::ApiBody,
    config::{TwitterConfig, TwitterConfigError},
    error::TwitterFault,
    lines::{HttpGeneration, HttpGenerations},
    meaning::{TokenOwner, fault_of},
    measures::{ApiCall, MeasuredCall, limits, withheld},
    reached::{CallLimit, ReachedLimits},
};

/// The largest answer that is accepted. A full page of posts is under 200 KiB.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

pub(crate) const REQUEST_TOKEN: &str = "oauth/request_token";

/// A call: method, path, parameters, and the token that signs it.
pub(crate) struct TwitterCall<'a> {
    kind: ApiCall,
    method: Method,
    path: String,
    query: Vec<(&'a str, &'a str)>,
    json: Option<Value>,
    callback: Option<&'a Url>,
    verifier: Option<&'a str>,
    token: Option<(&'a str, &'a SecretString)>,
    deadline: Option<Instant>,
    bearer: TokenOwner,
}

impl<'a> TwitterCall<'a> {
    pub(crate) fn get(
        kind: ApiCall,
        path: impl Into<String>,
        query: &[(&'a str, &'a str)],
    ) -> Self {
        Self {
            query: query.to_vec(),
            ..Self::new(kind, Method::GET, path.into())
        }
    }

    pub(crate) fn post(kind: ApiCall, path: impl Into<String>) -> Self {
        Self::new(kind, Method::POST, path.into())
    }

    fn new(kind: ApiCall, method: Method, path: String) -> Self {
        Self {
            kind,
            method,
            path,
            query: Vec::new(),
            json: None,
            callback: None,
            verifier: None,
            token: None,
            deadline: None,
            bearer: TokenOwner::Application,
        }
    }

    /// Adds a JSON body, which is not part of the signature.
    pub(crate) fn json(self, body: Value) -> Self {
        Self {
            json: Some(body),
            ..self
        }
    }

    pub(crate) fn callback(self, url: &'a Url) -> Self {
        Self {
            callback: Some(url),
            ..self
        }
    }

    /// Signs with a request token.
    pub(crate) fn in_sign_in(self, token: (&'a str, &'a SecretString), verifier: &'a str) -> Self {
        Self {
            token: Some(token),
            verifier: Some(verifier),
            bearer: TokenOwner::SignIn,
            ..self
        }
    }

    /// Signs with a person's access token.
    pub(crate) fn of_person(self, credentials: &'a Credentials) -> Self {
        Self {
            token: Some((credentials.token.expose_secret(), &credentials.secret)),
            bearer: TokenOwner::Person,
            ..self
        }
    }

    /// Uses the deadline of an earlier call.
    pub(crate) fn until(self, deadline: Instant) -> Self {
        Self {
            deadline: Some(deadline),
            ..self
        }
    }

    /// The name of the call in errors and logs.
    pub(crate) fn name(&self) -> String {
        format!("{} /{}", self.method, self.path)
    }
}

/// The consumer's secrets and, if the call has a token, the token's. Unlike the library's type, it is never printed.
#[derive(Clone, Copy)]
struct CallSecrets<'a> {
    consumer_key: &'a SecretString,
    consumer_secret: &'a SecretString,
    token: Option<(&'a str, &'a SecretString)>,
}

impl SecretsProvider for CallSecrets<'_> {
    fn get_consumer_key_pair(&self) -> (&str, &str) {
        (
            self.consumer_key.expose_secret(),
            self.consumer_secret.expose_secret(),
        )
    }

    fn get_token_pair_option(&self) -> Option<(&str, &str)> {
        self.token
            .map(|(token, secret)| (token, secret.expose_secret()))
    }
}

/// Signs calls, sends them and reads the answers.
pub(crate) struct SigningClient {
    lines: HttpGenerations,
    config: TwitterConfig,
    clock: Arc<dyn Clock>,
    reached: ReachedLimits,
    accepted: AcceptedCalls,
}

impl SigningClient {
    /// Makes its own connections, or uses the caller's client.
    pub(crate) fn new(
        http: Option<reqwest::Client>,
        config: TwitterConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TwitterConfigError> {
        let without_proxy = is_loopback(config.origin()?);
        let lines = match http {
            Some(http) => HttpGenerations::of(http),
            None => {
                HttpGenerations::new(&config, without_proxy).map_err(TwitterConfigError::Client)?
            }
        };
        Ok(Self {
            lines,
            config,
            clock,
            reached: ReachedLimits::default(),
            accepted: AcceptedCalls::default(),
        })
    }

    pub(crate) const fn config(&self) -> &TwitterConfig {
        &self.config
    }

    /// The deadline of a call that starts now.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.config.deadline
    }

    /// The address of a path at Twitter.
    pub(crate) fn url(&self, path: &str) -> Url {
        let mut url = self.config.url.clone();
        url.set_path(path);
        url
    }

    /// Sends a call and parses the answer as JSON.
    pub(crate) async fn json(&self, call: TwitterCall<'_>) -> Result<Value, TwitterFault> {
        let name = call.name();
        match ApiBody::read(&self.send(call).await?) {
            Some(ApiBody::Json(json)) => Ok(json),
            _ => Err(TwitterFault::NotOfTheApi { call: name }),
        }
    }

    /// Asks Twitter for a request token, which is signed by the application alone.
    pub(crate) fn request_token(&self) -> TwitterCall<'_> {
        TwitterCall::post(ApiCall::RequestToken, REQUEST_TOKEN)
            .callback(&self.config.app.callback_url)
    }

    /// Sends a call and returns the answer if it is a success. If Twitter refuses the call of a person and does not say whether
    /// because of the token, a call of the application alone shows it.
    pub(crate) async fn send(&self, call: TwitterCall<'_>) -> Result<Vec<u8>, TwitterFault> {
        let deadline = call.deadline.unwrap_or_else(|| self.deadline());
        match self.send_once(call.until(deadline)).await {
            Err(unclear @ TwitterFault::Unclear { .. }) => {
                Err(self.whose_fault(unclear, deadline).await)
            }
            outcome => outcome,
        }
    }

    async fn whose_fault(&self, unclear: TwitterFault, deadline: Instant) -> TwitterFault {
        if self.accepted.was_lately(self.clock.now()) {
            return TwitterFault::InvalidToken;
        }
        match self.send_once(self.request_token().until(deadline)).await {
            Ok(_) => TwitterFault::InvalidToken,
            Err(TwitterFault::Refused { call, refusal }) if refusal.is_of_the_signature() => {
                TwitterFault::Refused { call, refusal }
            }
            Err(_) => unclear,
        }
    }

    /// While a limit is reached, calls that it counts are not sent.
    async fn send_once(&self, call: TwitterCall<'_>) -> Result<Vec<u8>, TwitterFault> {
        if let Some(wait) = self.reached.wait(self.limit_of(&call), self.clock.now()) {
            withheld(call.kind);
            return Err(TwitterFault::RateLimited(wait));
        }
        let measured = MeasuredCall::begin(call.kind);
        let outcome = self.exchange(call).await;
        measured.end(&outcome);
        outcome
    }

    async fn exchange(&self, call: TwitterCall<'_>) -> Result<Vec<u8>, TwitterFault> {
        let (name, kind, bearer) = (call.name(), call.kind, call.bearer);
        let limit = self.limit_of(&call);
        let line = self.lines.current();
        let broken = |source: reqwest::Error| {
            if source.is_timeout() && !source.is_connect() {
                self.lines.give_up(&line);
            }
            broken(&name, source)
        };
        let response = self.sign(&line, call)?.send().await.map_err(broken)?;
        let (status, headers) = (response.status(), response.headers().clone());
        limits(kind, bearer, &headers);
        tracing::debug!(call = name, status = status.as_u16(), "Twitter answered");
        if status.is_redirection() {
            let host = redirected_to(&self.config.url, &headers);
            return Err(TwitterFault::Redirected { call: name, host });
        }
        let body = read(&name, response, broken).await?;
        let now = self.clock.now();
        if status.is_success() {
            self.accepted.note(now);
            return Ok(body);
        }
        let fault = fault_of(name, bearer, (status, &headers, &body), now);
        self.reached.note(limit, &fault, &headers, now);
        Err(fault)
    }

    fn limit_of(&self, call: &TwitterCall<'_>) -> CallLimit {
        let token = call.token.map(|(token, _)| token);
        self.reached.of(call.kind, call.bearer, token)
    }

    fn sign(
        &self,
        line: &HttpGeneration,
        call: TwitterCall<'_>,
    ) -> Result<reqwest::RequestBuilder, TwitterFault> {
        let secrets = CallSecrets {
            consumer_key: &self.config.app.consumer_key,
            consumer_secret: &self.config.app.consumer_secret,
            token: call.token,
        };
        let name = call.name();
        let now = u64::try_from(self.clock.now().timestamp()).unwrap_or_default();
        let mut parameters = OAuthParameters::new().timestamp(now).version(true);
        if let Some(callback) = call.callback {
            parameters = parameters.callback(callback.as_str());
        }
        if let Some(verifier) = call.verifier {
            parameters = parameters.verifier(verifier);
        }
        let mut request = line
            .http
            .clone()
            .oauth1_with_params(secrets, parameters)
            .request(call.method, self.url(&call.path))
            .header(header::ACCEPT, "application/json, */*;q=0.1")
            .timeout(self.time_left(call.deadline));
        if !call.query.is_empty() {
            request = request.query(&call.query);
        }
        if let Some(body) = &call.json {
            request = request.json(body);
        }
        request
            .generate_signature()
            .map_err(|source| TwitterFault::Unsigned { call: name, source })
    }

    fn time_left(&self, deadline: Option<Instant>) -> Duration {
        deadline.map_or(self.config.deadline, |deadline| {
            deadline.saturating_duration_since(Instant::now())
        })
    }
}

/// Only a failure to connect means that Twitter has certainly not seen the call.
fn broken(call: &str, source: reqwest::Error) -> TwitterFault {
    let call = call.to_owned();
    let source = source.without_url();
    if source.is_connect() {
        TwitterFault::NotSent { call, source }
    } else {
        TwitterFault::BrokeOff { call, source }
    }
}

async fn read(
    call: &str,
    mut response: Response,
    broken: impl Fn(reqwest::Error) -> TwitterFault,
) -> Result<Vec<u8>, TwitterFault> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(&broken)? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER_BYTES {
            return Err(TwitterFault::TooLarge {
                call: call.to_owned(),
                max: MAX_ANSWER_BYTES,
            });
        }
    }
    Ok(body)
}

fn redirected_to(from: &Url, headers: &header::HeaderMap) -> String {
    headers
        .get(header::LOCATION)
        .and_then(|location| from.join(location.to_str().ok()?).ok())
        .and_then(|location| location.host_str().map(str::to_owned))
        .unwrap_or_else(|| "nowhere".to_owned())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests;
