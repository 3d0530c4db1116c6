use std::time::Duration;

use lemon_domain::usecases::SignIns;
use lemon_http::{BrowserBinding, BrowserConfig, CookieScope};
use serde::Deserialize;
use url::{Host, Url};

use super::{bounded::bounded, error::ConfigError};

/// Longer, and a request token that somebody lost stays good for too long.
const LONGEST: u64 = 24 * 60 * 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SignInSettings {
    /// How long a sign-in that was begun can be completed.
    pub(crate) finish_within_seconds: u64,
    pub(crate) require_cookie: CookieRequirement,
    pub(crate) same_site: SameSiteSetting,
}

/// Who must bring the cookie of a sign-in to complete it.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CookieRequirement {
    Browsers,
    Always,
    Never,
}

/// The attribute of the cookie.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SameSiteSetting {
    Auto,
    Lax,
    None,
}

impl Default for SignInSettings {
    fn default() -> Self {
        Self {
            finish_within_seconds: SignIns::DEFAULT_PENDING_FOR.as_secs(),
            require_cookie: CookieRequirement::Browsers,
            same_site: SameSiteSetting::Auto,
        }
    }
}

impl SignInSettings {
    pub(super) fn check_numbers(&self) -> Result<(), ConfigError> {
        let key = "sign_in.finish_within_seconds";
        bounded(key, &self.finish_within_seconds, "seconds", &(60..=LONGEST))
    }

    /// How sign-ins are bound to browsers, for a web app with this callback.
    pub(crate) fn browser(&self, callback: Option<&Url>) -> BrowserConfig {
        BrowserConfig {
            binding: match self.require_cookie {
                CookieRequirement::Browsers => BrowserBinding::Browsers,
                CookieRequirement::Always => BrowserBinding::Everybody,
                CookieRequirement::Never => BrowserBinding::Nobody,
            },
            scope: match self.same_site {
                SameSiteSetting::Auto => CookieScope::AsCalled,
                SameSiteSetting::Lax => CookieScope::SameSite,
                SameSiteSetting::None => CookieScope::AnySite,
            },
            plain_http: callback.is_some_and(|url| url.scheme() == "http" && !is_loopback(url)),
            lifetime: Duration::from_secs(self.finish_within_seconds),
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_web_app_elsewhere_over_plain_http_makes_the_cookie_plain() {
        let settings = SignInSettings::default();
        for (callback, plain) in [
            ("https://app.example/back", false),
            ("http://localhost:3000/back", false),
            ("http://127.0.0.1:8080/", false),
            ("app://back", false),
            ("http://192.168.1.7/back", true),
            ("http://app.example/back", true),
        ] {
            let callback = callback.parse().unwrap();
            assert_eq!(settings.browser(Some(&callback)).plain_http, plain);
        }
        assert!(!settings.browser(None).plain_http);
    }
}
