//! What an answer that is no success means: X's error codes, problems and rate-limit headers.
//!
//! The codes are those of <https://docs.x.com/x-api/fundamentals/response-codes-and-errors>.

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::{StatusCode, header::HeaderMap};
use serde::Deserialize;

use crate::error::Fault;

const SUSPENDED: u32 = 64;
const RATE_LIMITED: u32 = 88;
const INVALID_TOKEN: u32 = 89;
const TIMESTAMP_OUT_OF_BOUNDS: u32 = 135;
const DUPLICATE_POST: u32 = 187;
const BAD_AUTHENTICATION_DATA: u32 = 215;
const NO_WRITE_ACCESS: u32 = 261;
const LOCKED: u32 = 326;
const CALLBACK_NOT_APPROVED: u32 = 415;
const ACCESS_LEVEL: u32 = 453;

const USER_SUSPENDED: &str = "user-suspended";
/// The types that are named in a log. Anything else might be a token that was sent back.
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

/// Waits are at least this long, or clocks that differ a little would make us call too early.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// Waits are at most this long: X's longest window.
const LONGEST_WAIT: Duration = Duration::from_hours(24);
/// The wait where X says none: what it asks for in its absence is a minute.
const USUAL_WAIT: Duration = Duration::from_mins(1);

/// A body that says what is wrong, of either API version.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    errors: Vec<Problem>,
    #[serde(flatten)]
    problem: Problem,
}

/// One thing wrong: version 1.1 has codes, version 2 has types and details.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    code: Option<u32>,
    #[serde(rename = "type")]
    kind: Option<String>,
    detail: Option<String>,
}

impl Problem {
    /// The end of a type such as `https://api.x.com/2/problems/user-suspended`, if it is one that is known.
    fn slug(&self) -> Option<&'static str> {
        let (_, slug) = self.kind.as_deref()?.rsplit_once("/problems/")?;
        PROBLEMS.into_iter().find(|problem| *problem == slug)
    }

    fn mentions(&self, words: &str) -> bool {
        let detail = self.detail.as_deref();
        detail.is_some_and(|detail| detail.to_ascii_lowercase().contains(words))
    }

    fn is_suspension(&self) -> bool {
        matches!(self.code, Some(SUSPENDED | LOCKED)) || self.slug() == Some(USER_SUSPENDED)
    }
}

/// A refusal, as far as it is fit for a log: numbers and names that X documents, never its free text.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: Option<u32>,
    problem: Option<&'static str>,
}

impl Refusal {
    fn new(status: StatusCode, problems: &[Problem]) -> Self {
        Self {
            status,
            code: problems.iter().find_map(|problem| problem.code),
            problem: problems.iter().find_map(Problem::slug),
        }
    }
}

impl fmt::Display for Refusal {
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

/// Whose token a call carries: what a 401 or 403 is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bearer {
    /// Nobody's: the application calls for itself.
    Application,
    /// A sign-in's request token: anything refused is the token or its verifier.
    SignIn,
    /// A person's access token.
    Person,
}

/// What an answer that is neither success nor redirect means.
pub(crate) fn fault_of(
    call: String,
    bearer: Bearer,
    (status, headers, body): (StatusCode, &HeaderMap, &[u8]),
    now: DateTime<Utc>,
) -> Fault {
    let problems = problems_in(body);
    let told = |code| problems.iter().any(|problem| problem.code == Some(code));
    let mentioned = |words| problems.iter().any(|problem| problem.mentions(words));
    if status == StatusCode::TOO_MANY_REQUESTS || told(RATE_LIMITED) {
        return Fault::RateLimited(wait(headers, now));
    }
    // 408: it did not wait for the call to arrive.
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        let status = status.as_u16();
        return Fault::Failed { call, status };
    }
    if problems.iter().any(Problem::is_suspension) || mentioned("account is suspended") {
        return Fault::Suspended;
    }
    if told(DUPLICATE_POST) || mentioned("duplicate content") {
        return Fault::DuplicatePost;
    }
    let about_the_application = told(TIMESTAMP_OUT_OF_BOUNDS)
        || told(BAD_AUTHENTICATION_DATA)
        || told(NO_WRITE_ACCESS)
        || told(CALLBACK_NOT_APPROVED)
        || told(ACCESS_LEVEL);
    let token_refused = match bearer {
        Bearer::Application => false,
        Bearer::SignIn => matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN),
        Bearer::Person => status == StatusCode::UNAUTHORIZED || told(INVALID_TOKEN),
    };
    if token_refused && !about_the_application {
        return Fault::InvalidToken;
    }
    let refusal = Refusal::new(status, &problems);
    Fault::Refused { call, refusal }
}

/// A body that cannot be read says nothing; the status stands.
fn problems_in(body: &[u8]) -> Vec<Problem> {
    let body: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let mut problems = body.errors;
    problems.push(body.problem);
    problems
}

/// What an answer means that has status 200, errors, and no data.
pub(crate) fn fault_without_data(call: String, problems: &[Problem]) -> Fault {
    if problems.iter().any(Problem::is_suspension) {
        return Fault::Suspended;
    }
    if problems.is_empty() {
        let field = "data";
        return Fault::Lacks { call, field };
    }
    let refusal = Refusal::new(StatusCode::OK, problems);
    Fault::Refused { call, refusal }
}

/// How long until calls are taken again: the longest of the exhausted windows,
/// <https://docs.x.com/x-api/fundamentals/rate-limits>.
fn wait(headers: &HeaderMap, now: DateTime<Utc>) -> Duration {
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
