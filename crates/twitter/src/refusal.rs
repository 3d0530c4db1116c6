//! The content of an unsuccessful answer: X's error codes, problems and rate-limit headers.
//!
//! The codes are those of <https://docs.x.com/x-api/fundamentals/response-codes-and-errors>.

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::{StatusCode, header::HeaderMap};
use serde_json::Value;

use crate::body::{ApiBody, XmlError};

pub(crate) const COULD_NOT_AUTHENTICATE: u32 = 32;
const USER_NOT_FOUND: u32 = 50;
const USER_SUSPENDED: u32 = 63;
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

const SUSPENDED_SLUG: &str = "user-suspended";
const NOT_FOUND_SLUG: &str = "user-not-found";
const RESOURCE_NOT_FOUND: &str = "resource-not-found";
/// The types that may be logged. Any other text might be a token that was sent back.
const PROBLEMS: [&str; 12] = [
    "client-forbidden",
    "disallowed-resource",
    "invalid-request",
    "not-authorized-for-field",
    "not-authorized-for-resource",
    "oauth1-permissions",
    RESOURCE_NOT_FOUND,
    "resource-unavailable",
    "unsupported-authentication",
    "usage-capped",
    NOT_FOUND_SLUG,
    SUSPENDED_SLUG,
];

/// What version 2 says of a person's account where it has no type for it, in lower case.
const ACCOUNT_PHRASES: [&str; 8] = [
    "account has been locked",
    "account has been suspended",
    "account is locked",
    "account is suspended",
    "account is temporarily locked",
    "could not find user with id",
    "user has been suspended",
    "user not found",
];

/// The shortest wait: without it, clocks that differ a little would make us call too early.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait: X's longest window.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
/// The wait if X names none: its documentation recommends a minute.
const USUAL_WAIT: Duration = Duration::from_secs(60);

/// One error: version 1.1 has codes, version 2 has types and details.
#[derive(Debug, Default)]
pub(crate) struct XProblem {
    code: Option<u32>,
    kind: Option<String>,
    /// Whether it is about a person.
    is_of_user: bool,
    /// All its free text, in lower case.
    text: String,
}

impl XProblem {
    fn of_json(problem: &Value) -> Self {
        let field = |name| problem.get(name);
        let code = field("code").and_then(|code| match code {
            Value::String(digits) => digits.parse().ok(),
            code => code.as_u64().and_then(|code| u32::try_from(code).ok()),
        });
        let texts = ["detail", "message", "title", "reason", "error"].map(field);
        let texts = texts.into_iter().chain([Some(problem)]).flatten();
        let texts: Vec<_> = texts.filter_map(Value::as_str).collect();
        Self {
            code,
            kind: field("type").and_then(Value::as_str).map(str::to_owned),
            is_of_user: field("resource_type").and_then(Value::as_str) == Some("user"),
            text: texts.join("\n").to_ascii_lowercase(),
        }
    }

    fn of_xml(error: &XmlError) -> Self {
        Self {
            code: error.code,
            text: error.text.to_ascii_lowercase(),
            ..Self::default()
        }
    }

    pub(crate) fn has_code(&self, code: u32) -> bool {
        self.code == Some(code)
    }

    pub(crate) const fn has_no_code(&self) -> bool {
        self.code.is_none()
    }

    /// The end of a type such as `https://api.x.com/2/problems/user-suspended`, if it is a known one.
    fn slug(&self) -> Option<&'static str> {
        let (_, slug) = self.kind.as_deref()?.rsplit_once("/problems/")?;
        PROBLEMS.into_iter().find(|problem| *problem == slug)
    }

    /// Tells whether its free text contains these words, which are in lower case.
    pub(crate) fn mentions(&self, words: &str) -> bool {
        self.text.contains(words)
    }

    /// Tells whether the person's account is suspended, locked or gone.
    pub(crate) fn is_of_the_account(&self) -> bool {
        let is_gone = self.is_of_user && self.slug() == Some(RESOURCE_NOT_FOUND);
        matches!(
            self.code,
            Some(USER_NOT_FOUND | USER_SUSPENDED | SUSPENDED | LOCKED)
        ) || matches!(self.slug(), Some(SUSPENDED_SLUG | NOT_FOUND_SLUG))
            || is_gone
            || ACCOUNT_PHRASES.iter().any(|words| self.mentions(words))
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

impl XRefusal {
    /// Whether the application's own signature was refused: its key, its secret or the clock is wrong.
    pub(crate) fn is_of_the_signature(&self) -> bool {
        let codes = [
            COULD_NOT_AUTHENTICATE,
            TIMESTAMP_OUT_OF_BOUNDS,
            BAD_AUTHENTICATION_DATA,
        ];
        self.status == StatusCode::UNAUTHORIZED
            || self.code.is_some_and(|code| codes.contains(&code))
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
            (Some(COULD_NOT_AUTHENTICATE), _) | (_, StatusCode::UNAUTHORIZED) => {
                "the application's key or secret is wrong"
            }
            _ => return Ok(()),
        };
        write!(f, " ({meaning})")
    }
}

/// The errors in the body of an unsuccessful answer; `None` if it is not one of X's API, and says nothing about the call.
pub(crate) fn problems_in(status: StatusCode, body: &[u8]) -> Option<Vec<XProblem>> {
    match ApiBody::read(body)? {
        ApiBody::Json(body) => {
            let mut problems = problems_of(&body["errors"]);
            problems.push(XProblem::of_json(&body));
            Some(problems)
        }
        ApiBody::Xml(errors) => Some(errors.iter().map(XProblem::of_xml).collect()),
        ApiBody::Form(_) | ApiBody::Sentence => Some(Vec::new()),
        // X refuses a token without words, too. Anybody sends other statuses.
        ApiBody::Empty => (status == StatusCode::UNAUTHORIZED).then(Vec::new),
    }
}

/// The errors in the field `errors`, whatever it holds: a list, one error, or a text.
pub(crate) fn problems_of(errors: &Value) -> Vec<XProblem> {
    match errors {
        Value::Array(errors) => errors.iter().map(XProblem::of_json).collect(),
        Value::Object(_) | Value::String(_) => vec![XProblem::of_json(errors)],
        _ => Vec::new(),
    }
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
