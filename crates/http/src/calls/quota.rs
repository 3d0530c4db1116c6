use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue};
use chrono::{DateTime, Utc};
use lemon_domain::values::{BudgetName, Window};

use crate::problem::whole_seconds;

/// How much of a budget is left, for the `RateLimit` headers
/// (<https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-10>).
pub(crate) struct Left<'a> {
    /// Which budget.
    pub(crate) budget: &'a BudgetName,
    /// Units in the window.
    pub(crate) limit: u32,
    /// Units that are not taken.
    pub(crate) remaining: u32,
    /// Its window.
    pub(crate) window: Window,
    /// The time.
    pub(crate) now: DateTime<Utc>,
}

impl Left<'_> {
    /// `"daily";q=400;w=86400`: so much a window of so many seconds.
    pub(crate) fn policy(&self) -> (HeaderName, HeaderValue) {
        let Self { budget, limit, .. } = self;
        let length = whole_seconds(self.window.left(self.window.start));
        let value = format!("\"{budget}\";q={limit};w={length}");
        (HeaderName::from_static("ratelimit-policy"), header(&value))
    }

    /// `"daily";r=63;t=1200`: so much left for so many seconds.
    pub(crate) fn state(&self) -> (HeaderName, HeaderValue) {
        let Self {
            budget, remaining, ..
        } = self;
        let left = whole_seconds(self.resets_in());
        let value = format!("\"{budget}\";r={remaining};t={left}");
        (HeaderName::from_static("ratelimit"), header(&value))
    }

    /// How long until the window turns.
    pub(crate) fn resets_in(&self) -> Duration {
        self.window.left(self.now)
    }
}

/// A budget's name is of `a-z`, `0-9` and `_`, so that this cannot fail.
fn header(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""))
}
