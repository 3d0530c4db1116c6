use std::{fmt::Write, time::Duration};

use actix_web::http::header::{HeaderName, HeaderValue};
use chrono::{DateTime, Utc};
use lemon_domain::values::{BudgetName, BudgetState, whole_seconds};

/// A limit of a call, for the `RateLimit-Policy` header
/// (<https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-10>).
pub(crate) struct Policy<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// The limit of a window, in units.
    pub(crate) quota: u32,
    /// How long a window is.
    pub(crate) window: Duration,
}

/// How much of a policy's limit is left, for the `RateLimit` header.
pub(crate) struct QuotaState<'a> {
    /// The policy.
    pub(crate) policy: Policy<'a>,
    /// Units that are not taken.
    pub(crate) remaining: u32,
    /// How long until the full limit is available again.
    pub(crate) resets_in: Duration,
}

impl<'a> QuotaState<'a> {
    /// The state of a budget.
    pub(crate) fn of(state: &'a BudgetState, now: DateTime<Utc>) -> Self {
        let window = state.key.window;
        Self {
            policy: Policy {
                name: state.key.budget.as_str(),
                quota: state.limit,
                window: window.left(window.start),
            },
            remaining: state.remaining(),
            resets_in: window.left(now),
        }
    }

    /// The state of a person's uses: one is allowed per cooldown.
    pub(crate) const fn of_cooldown(cooldown: Duration, resets_in: Duration) -> Self {
        Self {
            policy: Policy {
                name: BudgetName::COOLDOWN,
                quota: 1,
                window: cooldown,
            },
            remaining: 0,
            resets_in,
        }
    }

    /// `"daily";r=63;t=1200`: this many units left for this many seconds.
    pub(crate) fn header(&self) -> (HeaderName, HeaderValue) {
        let Self {
            policy: Policy { name, .. },
            remaining,
            resets_in,
        } = self;
        let seconds = whole_seconds(*resets_in);
        let value = format!("\"{name}\";r={remaining};t={seconds}");
        (HeaderName::from_static("ratelimit"), header(value))
    }
}

/// `"daily";q=400;w=86400`: this many units in a window of this many seconds. Several policies form a list.
pub(crate) fn policies(policies: &[&Policy<'_>]) -> (HeaderName, HeaderValue) {
    let mut list = String::with_capacity(64);
    for Policy {
        name,
        quota,
        window,
    } in policies
    {
        let between = if list.is_empty() { "" } else { ", " };
        let seconds = whole_seconds(*window);
        // Writing to a string cannot fail.
        let _ = write!(list, "{between}\"{name}\";q={quota};w={seconds}");
    }
    (HeaderName::from_static("ratelimit-policy"), header(list))
}

/// A budget's name consists of `a-z`, `0-9` and `_`, so this cannot fail.
fn header(value: String) -> HeaderValue {
    HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static(""))
}
