use actix_web::{
    HttpResponse, HttpResponseBuilder, ResponseError,
    http::{StatusCode, header},
};
use serde_json::{Value, json};

use crate::provider::{Allowance, Refusal};

/// X's error answers, in the format of version 1.1: <https://docs.x.com/x-api/fundamentals/response-codes-and-errors>.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum XError {
    #[error("Could not authenticate you.")]
    CouldNotAuthenticate,
    #[error("Sorry, that page does not exist.")]
    NoSuchPage,
    #[error("This method requires a {allow}.")]
    WrongMethod { allow: &'static str },
    #[error("Rate limit exceeded.")]
    RateLimited(Allowance),
    #[error("Invalid or expired token.")]
    InvalidToken,
    #[error("Timestamp out of bounds.")]
    TimestampOutOfBounds,
    #[error("Status is over 280 characters.")]
    TextTooLong,
    #[error("Status is a duplicate.")]
    DuplicatePost,
    #[error("Bad Authentication data.")]
    BadAuthenticationData,
    #[error("The request is too large.")]
    TooLarge,
    #[error("Callback URL not approved for this client application.")]
    CallbackNotApproved,
    #[error("{0}")]
    InvalidRequest(String),
}

impl From<Refusal> for XError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::CouldNotAuthenticate => Self::CouldNotAuthenticate,
            Refusal::BadAuthenticationData => Self::BadAuthenticationData,
            Refusal::InvalidToken => Self::InvalidToken,
            Refusal::TimestampOutOfBounds => Self::TimestampOutOfBounds,
            Refusal::CallbackNotApproved => Self::CallbackNotApproved,
            Refusal::RateLimited(allowance) => Self::RateLimited(allowance),
            Refusal::NoText => Self::InvalidRequest("text is missing.".to_owned()),
            Refusal::TextTooLong => Self::TextTooLong,
            Refusal::DuplicatePost => Self::DuplicatePost,
        }
    }
}

impl XError {
    const fn code(&self) -> u32 {
        match self {
            Self::CouldNotAuthenticate => 32,
            Self::NoSuchPage => 34,
            Self::InvalidRequest(_) | Self::TooLarge => 44,
            Self::WrongMethod { .. } => 86,
            Self::RateLimited(_) => 88,
            Self::InvalidToken => 89,
            Self::TimestampOutOfBounds => 135,
            Self::TextTooLong => 186,
            Self::DuplicatePost => 187,
            Self::BadAuthenticationData => 215,
            Self::CallbackNotApproved => 415,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::BadAuthenticationData | Self::InvalidRequest(_) => StatusCode::BAD_REQUEST,
            Self::CouldNotAuthenticate | Self::InvalidToken | Self::TimestampOutOfBounds => {
                StatusCode::UNAUTHORIZED
            }
            Self::TextTooLong | Self::DuplicatePost | Self::CallbackNotApproved => {
                StatusCode::FORBIDDEN
            }
            Self::NoSuchPage => StatusCode::NOT_FOUND,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn response(&self, body: &Value) -> HttpResponse {
        let mut response = HttpResponse::build(self.status());
        self.insert_headers(&mut response);
        response.json(body)
    }

    fn insert_headers(&self, response: &mut HttpResponseBuilder) {
        match self {
            Self::RateLimited(allowance) => insert_allowance(response, allowance),
            Self::WrongMethod { allow } => {
                response.insert_header((header::ALLOW, *allow));
            }
            _ => {}
        }
    }
}

/// Adds the headers that show the state of a limit.
pub(crate) fn insert_allowance(response: &mut HttpResponseBuilder, allowance: &Allowance) {
    response
        .insert_header(("x-rate-limit-limit", allowance.limit))
        .insert_header(("x-rate-limit-remaining", allowance.remaining))
        .insert_header(("x-rate-limit-reset", allowance.reset.to_string()));
}

impl ResponseError for XError {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        let error = json!({ "code": self.code(), "message": self.to_string() });
        self.response(&json!({ "errors": [error] }))
    }
}

/// The same error in the format of version 2 (same page).
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct V2Error(#[from] XError);

impl From<Refusal> for V2Error {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.into())
    }
}

impl V2Error {
    fn detail(&self) -> String {
        match &self.0 {
            XError::DuplicatePost => {
                "You are not allowed to create a Tweet with duplicate content.".to_owned()
            }
            XError::CouldNotAuthenticate | XError::InvalidToken => "Unauthorized".to_owned(),
            XError::RateLimited(_) => "Too Many Requests".to_owned(),
            other => other.to_string(),
        }
    }
}

impl ResponseError for V2Error {
    fn status_code(&self) -> StatusCode {
        self.0.status()
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.0.status();
        let (title, kind) = match self.0 {
            XError::InvalidRequest(_) => (
                "Invalid Request",
                "https://api.x.com/2/problems/invalid-request",
            ),
            _ => (status.canonical_reason().unwrap_or_default(), "about:blank"),
        };
        self.0.response(&json!({
            "title": title,
            "type": kind,
            "status": status.as_u16(),
            "detail": self.detail(),
        }))
    }
}
