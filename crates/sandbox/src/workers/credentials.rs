use std::{fmt, time::Duration};

use lemon_domain::values::Credentials;
use reqwest::{StatusCode, header::CONTENT_TYPE};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Why a worker has no credentials for a job.
#[derive(Debug, thiserror::Error)]
pub(super) enum CredentialsFault {
    /// The job is not to be done, or another one with a fresh ticket comes instead.
    #[error("the ticket is void, expired or used")]
    Gone,
    /// The job is malformed, or the ticket is unknown.
    #[error("the ticket was refused with status {0}")]
    Refused(StatusCode),
    /// The answer says that the call may be repeated, or the key is not accepted: a worker may have another later.
    #[error("the call for credentials was answered with status {0}")]
    NotNow(StatusCode),
    /// The answer did not come.
    #[error("the call for credentials failed")]
    Unavailable,
}

impl CredentialsFault {
    /// What an answer with this status means, which is not a good one.
    pub(super) fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::GONE => Self::Gone,
            StatusCode::UNAUTHORIZED
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS => Self::NotNow(status),
            status if status.is_client_error() => Self::Refused(status),
            status => Self::NotNow(status),
        }
    }
}

/// Where the stand-in workers redeem tickets, and with which key.
#[derive(Clone)]
pub struct CredentialsCall {
    client: reqwest::Client,
    url: Url,
    key: SecretString,
}

/// The fields of a good answer.
#[derive(Deserialize)]
struct CredentialsAnswer {
    access_token: String,
    access_secret: String,
}

impl CredentialsCall {
    /// Calls this address with this key.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new(url: Url, key: SecretString) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(DEADLINE)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { client, url, key })
    }

    /// Sends the body of a job, which has a ticket, and gets the credentials for it.
    pub(super) async fn redeem(&self, job: &SecretString) -> Result<Credentials, CredentialsFault> {
        let call = self
            .client
            .post(self.url.clone())
            .bearer_auth(self.key.expose_secret())
            .header(CONTENT_TYPE, "application/json")
            .body(job.expose_secret().to_owned());
        let answer = call
            .send()
            .await
            .map_err(|_| CredentialsFault::Unavailable)?;
        match answer.status() {
            StatusCode::OK => {
                let answer = answer.json::<CredentialsAnswer>().await;
                let answer = answer.map_err(|_| CredentialsFault::Unavailable)?;
                Ok(Credentials::new(answer.access_token, answer.access_secret))
            }
            status => Err(CredentialsFault::of(status)),
        }
    }
}

impl fmt::Debug for CredentialsCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialsCall")
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}
