use std::{fmt::Write, time::Duration};

use actix_web::http::header::{HeaderName, HeaderValue};
use chrono::{DateTime, Utc};
use lemon_domain::values::{BudgetName, BudgetState, whole_seconds};

/// What limits a call, for the `RateLimit-Policy` header
/// (<https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-10>).
pub(crate) struct Policy<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Units in a window.
    pub(crate) quota: u32,
    /// How long a window is.
    pub(crate) window: Duration,
}

/// How much is left of what a policy allows, for the `RateLimit` header.
pub(crate) struct QuotaState<'a> {
    /// Of which.
    pub(crate) policy: Policy<'a>,
    /// Units that are not taken.
    pub(crate) remaining: u32,
    /// How long until there are as many as at first.
    pub(crate) resets_in: Duration,
}

impl<'a> QuotaState<'a> {
    /// Of a budget.
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

    /// Of a person's uses, of which there is one in each cooldown.
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

    /// `"daily";r=63;t=1200`: so much left for so many seconds.
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

/// `"daily";q=400;w=86400`: so much in a window of so many seconds. Several stand in a list.
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
        // To a string it cannot fail.
        let _ = write!(list, "{between}\"{name}\";q={quota};w={seconds}");
    }
    (HeaderName::from_static("ratelimit-policy"), header(list))
}

/// A budget's name is of `a-z`, `0-9` and `_`, so that this cannot fail.
fn header(value: String) -> HeaderValue {
    HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static(""))
}
