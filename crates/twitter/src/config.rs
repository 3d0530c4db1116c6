use std::{str::FromStr, time::Duration};

use lemon_domain::values::InvalidValue;
use secrecy::SecretString;
use url::Url;

/// How to reach Twitter, and as which application.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TwitterConfig {
    /// Scheme, host and port: `https://api.x.com`. It is part of each signature, so it must be the host that answers,
    /// not one that redirects there (`api.twitter.com`).
    pub url: Url,
    /// As which application.
    pub app: TwitterApp,
    /// Which API the profile comes from.
    pub api: TwitterApi,
    /// The longest that a call takes; two fifths of it are for connecting.
    pub deadline: Duration,
}

impl TwitterConfig {
    /// The usual deadline: 5 seconds, 2 of them for connecting.
    pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);

    /// The usual settings for an address and an application.
    #[must_use]
    pub fn new(url: Url, app: TwitterApp) -> Self {
        Self {
            url,
            app,
            api: TwitterApi::default(),
            deadline: Self::DEFAULT_DEADLINE,
        }
    }

    /// With profiles from this API.
    #[must_use]
    pub const fn with_api(mut self, api: TwitterApi) -> Self {
        self.api = api;
        self
    }

    /// With a deadline for each call.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    pub(crate) fn connect_deadline(&self) -> Duration {
        self.deadline * 2 / 5
    }

    /// The address, if it is no more than scheme, host and port.
    pub(crate) fn origin(&self) -> Result<&Url, TwitterConfigError> {
        let url = &self.url;
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if matches!(url.scheme(), "http" | "https") && url.has_host() && bare {
            Ok(url)
        } else {
            Err(TwitterConfigError::Address)
        }
    }
}

/// An application at Twitter.
#[derive(Debug, Clone)]
pub struct TwitterApp {
    /// Its key.
    pub consumer_key: SecretString,
    /// Its secret.
    pub consumer_secret: SecretString,
    /// Where the person comes back to; it must stand in the application's allow list at Twitter, letter by letter.
    pub callback_url: Url,
}

/// The version of Twitter's API that profiles are read with. Posts are read and written with version 2 in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TwitterApi {
    /// `GET /2/users/me`: <https://docs.x.com/x-api/users/get-my-user>.
    #[default]
    V2,
    /// `GET /1.1/account/verify_credentials.json`, for access tiers from before version 2.
    V1_1,
}

impl FromStr for TwitterApi {
    type Err = InvalidValue;

    fn from_str(name: &str) -> Result<Self, InvalidValue> {
        match name {
            "v2" => Ok(Self::V2),
            "v1.1" => Ok(Self::V1_1),
            other => Err(InvalidValue::new(
                "the Twitter API",
                format!("is {other:?}, neither \"v2\" nor \"v1.1\""),
            )),
        }
    }
}

/// Why there is no client for a configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TwitterConfigError {
    /// The address has no host, or more than that.
    #[error("the Twitter address is not of the form https://host or http://host:port")]
    Address,
    /// TLS cannot be set up.
    #[error("the HTTP client for Twitter cannot be made")]
    Client(#[source] reqwest::Error),
}
