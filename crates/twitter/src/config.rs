use std::{str::FromStr, time::Duration};

use lemon_domain::values::InvalidValue;
use secrecy::SecretString;
use url::Url;

/// How to reach Twitter, and the application that calls.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TwitterConfig {
    /// Scheme, host and port: `https://api.x.com`. It is part of each signature, so it must be the host that answers,
    /// not one that redirects to it (`api.twitter.com`).
    pub url: Url,
    /// The application that calls.
    pub app: TwitterApp,
    /// The API version for reading the profile.
    pub api: TwitterApi,
    /// The longest time of a call; two fifths of it are for connecting.
    pub deadline: Duration,
}

impl TwitterConfig {
    /// The default deadline: 5 seconds, 2 of them for connecting.
    pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);

    /// The default settings for an address and an application.
    #[must_use]
    pub fn new(url: Url, app: TwitterApp) -> Self {
        Self {
            url,
            app,
            api: TwitterApi::default(),
            deadline: Self::DEFAULT_DEADLINE,
        }
    }

    /// Sets the API version for reading profiles.
    #[must_use]
    pub const fn with_api(mut self, api: TwitterApi) -> Self {
        self.api = api;
        self
    }

    /// Sets the deadline of each call.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Checks the address; this needs no connection.
    ///
    /// # Errors
    /// [`TwitterConfigError::Address`].
    pub fn check(&self) -> Result<(), TwitterConfigError> {
        self.origin().map(drop)
    }

    pub(crate) fn connect_deadline(&self) -> Duration {
        self.deadline * 2 / 5
    }

    /// The address, if it consists only of scheme, host and port.
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
    /// The address to which the person returns; the application's allow list at Twitter must contain exactly this text.
    pub callback_url: Url,
}

/// The API version for reading profiles. Posts are always read and written with version 2.
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
            _ => Err(InvalidValue::new(
                "the Twitter API",
                "is neither \"v2\" nor \"v1.1\"",
            )),
        }
    }
}

/// Why there is no client for a configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TwitterConfigError {
    /// The address has no host, or more than scheme, host and port.
    #[error("the Twitter address does not have the form https://host or http://host:port")]
    Address,
    /// TLS cannot be set up.
    #[error("the HTTP client for Twitter cannot be built")]
    Client(#[source] reqwest::Error),
}
