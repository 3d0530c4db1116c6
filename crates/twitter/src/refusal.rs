//! The content of an unsuccessful answer: X's error codes, problems and rate-limit headers.
//!
//! The codes are those of <https://docs.x.com/x-api/fundamentals/response-codes-and-errors>.

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::{StatusCode, header::HeaderMap};
use serde::Deserialize;

const SUSPENDED: u32 = 64;
pub(crate) const RATE_LIMITED: u32 = 88;
pub(crate) const INVALID_TOKEN: u32 = 89;
pub(crate) const TIMESTAMP_OUT_OF_BOUNDS: u32 = 135;
pub(crate) const DUPLICATE_POST: u32 = 187;
pub(crate) const BAD_AUTHENTICATION_DATA: u32 = 215;
pub(crate) const NO_WRITE_ACCESS: u32 = 261;
const LOCKED: u32 = 326;
pub(crate) const CALLBACK_NOT_APPROVED: u32 = 415;
pub(crate) const ACCESS_LEVEL: u32 = 453;

const USER_SUSPENDED: &str = "user-suspended";
/// The types that may be logged. Any other text might be a token that was sent back.
const PROBLEMS: [&str; 11] = [
    "client-forbidden",
    "disallowed-resource",
    "invalid-request",
    "not-authorized-for-field",
    "not-authorized-for-resource",
    "oauth1-permissions",
    "resource-not-found",
    "resource-unavailable",
    "unsupported-authentication",
    "usage-capped",
    USER_SUSPENDED,
];

/// The shortest wait: without it, clocks that differ a little would make us call too early.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait: X's longest window.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
/// The wait if X names none: its documentation recommends a minute.
const USUAL_WAIT: Duration = Duration::from_secs(60);

/// The error body of either API version.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    errors: Vec<XProblem>,
    #[serde(flatten)]
    problem: XProblem,
}

/// One error: version 1.1 has codes, version 2 has types and details.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct XProblem {
    code: Option<u32>,
    #[serde(rename = "type")]
    kind: Option<String>,
    detail: Option<String>,
}

impl XProblem {
    pub(crate) fn has_code(&self, code: u32) -> bool {
        self.code == Some(code)
    }

    /// The end of a type such as `https://api.x.com/2/problems/user-suspended`, if it is a known one.
    fn slug(&self) -> Option<&'static str> {
        let (_, slug) = self.kind.as_deref()?.rsplit_once("/problems/")?;
        PROBLEMS.into_iter().find(|problem| *problem == slug)
    }

    /// Tells whether its free text contains these words, which are in lower case.
    pub(crate) fn mentions(&self, words: &str) -> bool {
        let detail = self.detail.as_deref();
        detail.is_some_and(|detail| detail.to_ascii_lowercase().contains(words))
    }

    pub(crate) fn is_suspension(&self) -> bool {
        matches!(self.code, Some(SUSPENDED | LOCKED)) || self.slug() == Some(USER_SUSPENDED)
    }
}

/// A refusal, with only what may be logged: numbers and names that X documents, never its free text.
#[derive(Debug)]
pub(crate) struct XRefusal {
    status: StatusCode,
    code: Option<u32>,
    problem: Option<&'static str>,
}

impl XRefusal {
    pub(crate) fn new(status: StatusCode, problems: &[XProblem]) -> Self {
        Self {
            status,
            code: problems.iter().find_map(|problem| problem.code),
            problem: problems.iter().find_map(XProblem::slug),
        }
    }
}

impl fmt::Display for XRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status.as_u16())?;
        if let Some(code) = self.code {
            write!(f, ", code {code}")?;
        }
        if let Some(problem) = self.problem {
            write!(f, ", {problem}")?;
        }
        let meaning = match (self.code, self.status) {
            (Some(TIMESTAMP_OUT_OF_BOUNDS), _) => "this machine's clock is wrong",
            (Some(BAD_AUTHENTICATION_DATA), _) => "the authorization cannot be read",
            (Some(NO_WRITE_ACCESS), _) => "the application may not write",
            (Some(CALLBACK_NOT_APPROVED), _) => "the callback is not in the application's list",
            (Some(ACCESS_LEVEL), _) => "the application's access level is too low",
            (_, StatusCode::PAYMENT_REQUIRED) => "the application's credits have run out",
            (_, StatusCode::UNAUTHORIZED) => "the application's key or secret is wrong",
            _ => return Ok(()),
        };
        write!(f, " ({meaning})")
    }
}

/// The errors in a body. A body that cannot be parsed has none; the status still counts.
pub(crate) fn problems_in(body: &[u8]) -> Vec<XProblem> {
    let body: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let mut problems = body.errors;
    problems.push(body.problem);
    problems
}

/// How long until calls are accepted again: the longest of the exhausted windows,
/// <https://docs.x.com/x-api/fundamentals/rate-limits>.
pub(crate) fn wait(headers: &HeaderMap, now: DateTime<Utc>) -> Duration {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
    let until_reset = |window: &str| {
        let seconds = number(&format!("{window}-reset"))?.saturating_sub(now.timestamp());
        Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
    };
    ["x-rate-limit", "x-app-limit-24hour", "x-user-limit-24hour"]
        .into_iter()
        .filter(|window| number(&format!("{window}-remaining")) == Some(0))
        .filter_map(until_reset)
        .max()
        .or_else(|| until_reset("x-rate-limit"))
        .or_else(|| {
            let seconds = u64::try_from(number("retry-after")?).ok()?;
            Some(Duration::from_secs(seconds))
        })
        .unwrap_or(USUAL_WAIT)
        .clamp(SHORTEST_WAIT, LONGEST_WAIT)
}
