use actix_web::{
    HttpRequest,
    http::header::{self, HeaderName, HeaderValue},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use lemon_domain::values::RequestToken;
use sha2::{Digest, Sha256};

use crate::{
    config::{BrowserBinding, BrowserConfig, CookieScope},
    cors::{Cors, Sharing},
    problem::{Code, Problem},
};

/// The start of a cookie's name. The rest is a digest of the request token.
const NAME: &str = "lemon-sign-in-";
/// The same for a cookie that only this host can have set, over HTTPS: no neighbour can plant one
/// (<https://httpwg.org/http-extensions/draft-ietf-httpbis-rfc6265bis.html#name-the-__host-prefix>).
const HOST_NAME: &str = "__Host-lemon-sign-in-";
/// The bytes of the digest in a name. Nobody finds a token for the digest of another's.
const DIGEST_BYTES: usize = 12;
/// The sign-ins that a browser may have begun at a time: a web app may begin one with each page that it loads.
const MOST: usize = 32;
/// The same for a program that is no browser: one that begins many at once for many people may have one cookie jar.
const MOST_OF_PROGRAMS: usize = 256;
/// What a browser says of the page that makes a call (<https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header>). No
/// script can set it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Binds a sign-in to the browser that began it, by a cookie of its own for each: tabs that begin at the same moment do
/// not overwrite each other's.
///
/// Otherwise somebody could begin a sign-in, agree to it, and let another person open the address to which Twitter sends
/// them back: that person would be signed in as the other, and not notice.
pub(crate) struct BrowserCookies {
    config: BrowserConfig,
    cors: Cors,
}

impl BrowserCookies {
    pub(crate) const fn new(config: BrowserConfig, cors: Cors) -> Self {
        Self { config, cors }
    }

    /// The cookies that remember that the browser of this request has begun a sign-in. The oldest is removed if there
    /// are too many.
    pub(crate) fn begun(
        &self,
        request: &HttpRequest,
        token: &RequestToken,
        now: DateTime<Utc>,
    ) -> Vec<(HeaderName, HeaderValue)> {
        if self.config.binding == BrowserBinding::Nobody || !self.is_read(request) {
            return Vec::new();
        }
        let attributes = self.attributes(request);
        let name = if attributes.secure { HOST_NAME } else { NAME };
        let max_age = self.config.lifetime.as_secs();
        let begun_at = now.timestamp();
        let fresh = format!(
            "{name}{}={begun_at}; Max-Age={max_age}; {attributes}",
            digest(token)
        );
        let mut known: Vec<_> = cookies(request)
            .map(|(name, value)| (value.parse::<i64>().unwrap_or_default(), name))
            .collect();
        known.sort_unstable();
        let too_many = (known.len() + 1).saturating_sub(most(request));
        let removed = known.into_iter().take(too_many);
        let removed = removed.map(|(_, name)| format!("{name}=; Max-Age=0; {attributes}"));
        removed
            .chain([fresh])
            .filter_map(|cookie| HeaderValue::try_from(cookie).ok())
            .map(|cookie| (header::SET_COOKIE, cookie))
            .collect()
    }

    /// Whether the browser of this request is known to have begun a sign-in.
    ///
    /// # Errors
    /// If it must be known, and is not.
    pub(crate) fn has_begun(
        &self,
        request: &HttpRequest,
        token: &RequestToken,
    ) -> Result<bool, Problem> {
        let digest = digest(token);
        let (mut is_known, mut kept) = (false, 0);
        for (name, _) in cookies(request) {
            let begun = match name.strip_prefix(HOST_NAME) {
                Some(begun) => begun,
                None if self.is_plain(request) => name.strip_prefix(NAME).unwrap_or_default(),
                None => continue,
            };
            kept += 1;
            is_known |= begun == digest;
        }
        let must = match self.config.binding {
            BrowserBinding::Nobody => false,
            // Programs that are no browsers have nobody to protect, and may have no cookies, or have lost the oldest.
            BrowserBinding::Browsers => {
                site(request).is_some() || (1..MOST_OF_PROGRAMS).contains(&kept)
            }
            BrowserBinding::Everybody => true,
        };
        if must && !is_known {
            return Err(Problem::new(
                Code::SignInForeign,
                "This browser did not begin the sign-in, or does not send the cookie of it. Start again with a new \
                 request token.",
            ));
        }
        Ok(is_known)
    }

    /// Whether the page that makes the call can read the answer. If not, a cookie would only take the place of others.
    fn is_read(&self, request: &HttpRequest) -> bool {
        let is_friend = matches!(self.cors.sharing(request), Sharing::Friend(_));
        let is_own = || !matches!(site(request), Some("cross-site" | "same-site"));
        is_friend || (!request.headers().contains_key(header::ORIGIN) && is_own())
    }

    fn attributes(&self, request: &HttpRequest) -> CookieAttributes {
        let scope = match self.config.scope {
            CookieScope::AsCalled if site(request) == Some("cross-site") => CookieScope::AnySite,
            CookieScope::AsCalled => CookieScope::SameSite,
            scope => scope,
        };
        let comes_over_https = request
            .headers()
            .get(header::ORIGIN)
            .is_some_and(|origin| origin.as_bytes().starts_with(b"https:"));
        CookieAttributes {
            // Browsers take a cookie of any site over HTTPS alone, or from the own machine.
            secure: scope == CookieScope::AnySite || comes_over_https || !self.is_plain(request),
            scope,
        }
    }

    /// Whether the API may be called over plain HTTP: on the own machine, or where the web app is.
    fn is_plain(&self, request: &HttpRequest) -> bool {
        self.config.plain_http || is_loopback(request)
    }
}

#[derive(Clone, Copy)]
struct CookieAttributes {
    secure: bool,
    scope: CookieScope,
}

impl std::fmt::Display for CookieAttributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Path=/; HttpOnly")?;
        if self.secure {
            f.write_str("; Secure")?;
        }
        f.write_str(match self.scope {
            CookieScope::AsCalled | CookieScope::SameSite => "; SameSite=Lax",
            // Browsers that keep no cookies of other sites keep one for each site that embeds them:
            // https://www.ietf.org/archive/id/draft-cutler-httpbis-partitioned-cookies-01.html
            CookieScope::AnySite => "; SameSite=None; Partitioned",
        })
    }
}

/// The cookies of sign-ins, with their values.
fn cookies(request: &HttpRequest) -> impl Iterator<Item = (&str, &str)> {
    request
        .headers()
        .get_all(header::COOKIE)
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(name, _)| name.starts_with(NAME) || name.starts_with(HOST_NAME))
}

fn site(request: &HttpRequest) -> Option<&str> {
    request.headers().get(SEC_FETCH_SITE)?.to_str().ok()
}

fn most(request: &HttpRequest) -> usize {
    if site(request).is_some() {
        MOST
    } else {
        MOST_OF_PROGRAMS
    }
}

fn is_loopback(request: &HttpRequest) -> bool {
    let host = request.headers().get(header::HOST);
    let host = host
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => &host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let address = address.parse::<std::net::IpAddr>();
    address.is_ok_and(|address| address.is_loopback())
        || name == "localhost"
        || name.ends_with(".localhost")
}

fn digest(token: &RequestToken) -> String {
    let digest = Sha256::digest(token.as_str().as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(&digest[..DIGEST_BYTES])
}
