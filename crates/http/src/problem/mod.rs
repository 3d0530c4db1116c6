//! Errors as RFC 9457 problems. Status codes are chosen here and nowhere else.

mod causes;
mod code;

use std::{borrow::Cow, error::Error, fmt, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};
use lemon_domain::{BoxError, values::whole_seconds, with_causes};
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use code::Code;

/// The media type of a problem.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// How long to wait before trying again when a service is unavailable and names no time itself.
const PAUSE: Duration = Duration::from_secs(2);

/// Why a call did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    can_use_time: Option<String>,
    failed: Vec<&'static str>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<BoxError>,
}

/// A problem as it is answered: `application/problem+json` (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// What kind of problem it is. The same for all problems of one code.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference")]
    kind: Cow<'static, str>,
    /// The kind in words. The same for all problems of one code.
    title: &'static str,
    /// The HTTP status again.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// This occurrence in words, for people.
    detail: &'a str,
    /// The path that was called.
    #[schema(format = "uri-reference")]
    instance: &'a str,
    /// The kind for programs: stable.
    code: Code,
    /// With `cooldown_active`: when the person may ask again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    can_use_time: Option<&'a str>,
    /// With `not_ready` and `draining`: the checks that failed.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    failed: &'a [&'static str],
}

impl Problem {
    /// A problem with a text about this occurrence.
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let headers = match code.status() {
            StatusCode::UNAUTHORIZED => vec![challenge(code)],
            StatusCode::SERVICE_UNAVAILABLE => vec![retry_after(PAUSE)],
            _ => Vec::new(),
        };
        Self {
            code,
            detail: detail.into(),
            can_use_time: None,
            failed: Vec::new(),
            headers,
            cause: None,
        }
    }

    /// We are at fault. The cause is logged, and not shown to the caller.
    pub(crate) fn internal(cause: impl Into<BoxError>) -> Self {
        Self::new(
            Code::InternalError,
            "This is a fault of the server. It has been logged.",
        )
        .because(cause)
    }

    /// Something that we need is unavailable. The cause is logged, and not shown to the caller.
    pub(crate) fn unavailable(cause: impl Into<BoxError>) -> Self {
        let detail = "A service that this call needs is not available. Try again shortly.";
        Self::new(Code::ServiceUnavailable, detail).because(cause)
    }

    /// A step that stores was interrupted: its data may be stored or not. The cause is logged, and not shown to the
    /// caller.
    pub(crate) fn outcome_unknown(cause: impl Into<BoxError>) -> Self {
        let detail =
            "It is not known whether the call took effect. Repeat it: nothing is done twice.";
        Self::new(Code::OutcomeUnknown, detail).because(cause)
    }

    /// The path does not have this method.
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        Self::new(
            Code::MethodNotAllowed,
            format!("This path allows only {allow}."),
        )
        .with_header((header::ALLOW, HeaderValue::from_static(allow)))
    }

    /// The checks that failed.
    pub(crate) fn not_ready(failed: Vec<&'static str>) -> Self {
        let detail = format!("Not ready: {}.", failed.join(", "));
        Self {
            failed,
            ..Self::new(Code::NotReady, detail)
        }
    }

    /// The process is about to stop, and takes calls only until callers have found another.
    pub(crate) fn draining() -> Self {
        let detail = "The process is about to stop: send calls elsewhere.";
        Self {
            failed: vec![Code::Draining.as_str()],
            ..Self::new(Code::Draining, detail)
        }
    }

    /// The problem for a status that other code than our calls has answered.
    pub(crate) fn of_status(status: StatusCode, cause: impl fmt::Display) -> Self {
        let code = match status {
            StatusCode::NOT_FOUND => Code::NotFound,
            StatusCode::PAYLOAD_TOO_LARGE => Code::BodyTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
            StatusCode::REQUEST_TIMEOUT => Code::RequestTimeout,
            status if status.is_client_error() => Code::BadRequest,
            _ => return Self::internal(cause.to_string()),
        };
        Self::new(code, code.title())
    }

    pub(crate) fn because(mut self, cause: impl Into<BoxError>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    pub(crate) fn with_header(mut self, header: (HeaderName, HeaderValue)) -> Self {
        self.headers.retain(|(name, _)| *name != header.0);
        self.headers.push(header);
        self
    }

    pub(crate) fn retry_after(self, wait: Duration) -> Self {
        self.with_header(retry_after(wait))
    }

    pub(crate) fn can_use_time(mut self, time: String) -> Self {
        self.can_use_time = Some(time);
        self
    }

    /// The answer; `instance` is the path that was called. Logs the cause of a fault.
    pub(crate) fn answer(&self, instance: &str) -> HttpResponse {
        if self.code.is_fault() {
            self.log(instance);
        }
        let mut answer = HttpResponse::build(self.code.status());
        for header in &self.headers {
            answer.insert_header(header.clone());
        }
        let instance = own_reference(instance);
        let mut answer = answer.content_type(MEDIA_TYPE).json(self.body(&instance));
        // For the log line of the request.
        answer.extensions_mut().insert(self.code);
        answer
    }

    pub(crate) fn body<'a>(&'a self, instance: &'a str) -> ProblemBody<'a> {
        ProblemBody {
            kind: self.code.kind(),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: &self.detail,
            instance,
            code: self.code,
            can_use_time: self.can_use_time.as_deref(),
            failed: &self.failed,
        }
    }

    fn log(&self, path: &str) {
        tracing::error!(
            http.path = path,
            problem.code = self.code.as_str(),
            error = self.source().map(with_causes).unwrap_or_default(),
            "a call failed"
        );
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&**self.cause.as_ref()?)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    /// Only the status: the middleware knows the path, and answers in full.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.code.status())
    }
}

/// A path as a reference that names no host: `//evil.example` and, for a browser, `/\evil.example` would
/// (<https://www.rfc-editor.org/rfc/rfc3986#section-4.2>).
fn own_reference(path: &str) -> Cow<'_, str> {
    if path.starts_with("//") || path.starts_with("/\\") {
        Cow::Owned(format!("/.{path}"))
    } else {
        Cow::Borrowed(path)
    }
}

/// Seconds to wait: at least one, and never too early.
fn retry_after(wait: Duration) -> (HeaderName, HeaderValue) {
    (header::RETRY_AFTER, whole_seconds(wait).max(1).into())
}

/// The challenge that asks for a token: <https://www.rfc-editor.org/rfc/rfc6750#section-3>.
fn challenge(code: Code) -> (HeaderName, HeaderValue) {
    let value = match code {
        Code::TokenMissing => r#"Bearer realm="lemon""#,
        Code::WorkerKeyInvalid => r#"Bearer realm="lemon workers""#,
        Code::TokenExpired => {
            r#"Bearer realm="lemon", error="invalid_token", error_description="the token has expired""#
        }
        _ => {
            r#"Bearer realm="lemon", error="invalid_token", error_description="the token is not valid""#
        }
    };
    (header::WWW_AUTHENTICATE, HeaderValue::from_static(value))
}
