use std::borrow::Cow;

use actix_web::{HttpResponse, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

/// What kind of problem it is, for programs. Once published, a code keeps its name and meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProblemCode)]
pub(crate) enum Code {
    BadRequest,
    MalformedJson,
    InvalidBody,
    InvalidHeader,
    SignInNotPending,
    SignInDenied,
    SignInForeign,
    SignInRejected,
    TokenMissing,
    TokenInvalid,
    TokenExpired,
    WorkerKeyInvalid,
    TwitterAccessRevoked,
    TwitterAccountSuspended,
    NotFound,
    UnknownService,
    NotRegistered,
    TicketUnknown,
    MethodNotAllowed,
    RequestTimeout,
    TicketVoid,
    TicketExpired,
    TicketUsed,
    BodyTooLarge,
    UnsupportedMediaType,
    WrongHost,
    TooManyCalls,
    CooldownActive,
    DailyQuotaExhausted,
    QuotaExhausted,
    InternalError,
    ServiceUnavailable,
    ServicePaused,
    OutcomeUnknown,
    TwitterRateLimited,
    NotReady,
    Draining,
}

impl Code {
    /// Every code, in the order of their statuses.
    pub(crate) const ALL: [Self; 37] = [
        Self::BadRequest,
        Self::MalformedJson,
        Self::InvalidBody,
        Self::InvalidHeader,
        Self::SignInNotPending,
        Self::SignInDenied,
        Self::SignInForeign,
        Self::SignInRejected,
        Self::TokenMissing,
        Self::TokenInvalid,
        Self::TokenExpired,
        Self::WorkerKeyInvalid,
        Self::TwitterAccessRevoked,
        Self::TwitterAccountSuspended,
        Self::NotFound,
        Self::UnknownService,
        Self::NotRegistered,
        Self::TicketUnknown,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::TicketVoid,
        Self::TicketExpired,
        Self::TicketUsed,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::WrongHost,
        Self::TooManyCalls,
        Self::CooldownActive,
        Self::DailyQuotaExhausted,
        Self::QuotaExhausted,
        Self::InternalError,
        Self::ServiceUnavailable,
        Self::ServicePaused,
        Self::OutcomeUnknown,
        Self::TwitterRateLimited,
        Self::NotReady,
        Self::Draining,
    ];

    /// The code of an answer, if it is a problem.
    pub(crate) fn of(answer: &HttpResponse) -> Option<Self> {
        answer.extensions().get().copied()
    }

    /// The name on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The status it is answered with.
    pub(crate) const fn status(self) -> StatusCode {
        self.row().1
    }

    /// Whether something is wrong on our side. A pause and a stop are on purpose.
    pub(crate) fn is_fault(self) -> bool {
        self.status().is_server_error() && !matches!(self, Self::ServicePaused | Self::Draining)
    }

    /// The kind in words.
    pub(crate) const fn title(self) -> &'static str {
        self.row().2
    }

    /// The kind as a URI.
    pub(crate) fn kind(self) -> Cow<'static, str> {
        match self {
            // Registered: https://www.iana.org/assignments/http-problem-types
            Self::DailyQuotaExhausted => {
                Cow::Borrowed("https://iana.org/assignments/http-problem-types#quota-exceeded")
            }
            other => Cow::Owned(format!("urn:lemon:problem:{}", other.as_str())),
        }
    }

    #[rustfmt::skip]
    const fn row(self) -> (&'static str, StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::BadRequest => ("bad_request", S::BAD_REQUEST, "The request is not understood"),
            Self::MalformedJson => ("malformed_json", S::BAD_REQUEST, "The body is not JSON"),
            Self::InvalidBody => ("invalid_body", S::BAD_REQUEST, "The body is not as it should be"),
            Self::InvalidHeader => ("invalid_header", S::BAD_REQUEST, "A header is not as it should be"),
            Self::SignInNotPending => ("sign_in_not_pending", S::BAD_REQUEST, "No such sign-in is in progress"),
            Self::SignInDenied => ("sign_in_denied", S::BAD_REQUEST, "The person did not agree to sign in"),
            Self::SignInForeign => ("sign_in_foreign", S::BAD_REQUEST, "The sign-in was not begun in this browser"),
            Self::SignInRejected => ("sign_in_rejected", S::BAD_REQUEST, "Twitter did not confirm the sign-in"),
            Self::TokenMissing => ("token_missing", S::UNAUTHORIZED, "A token is needed"),
            Self::TokenInvalid => ("token_invalid", S::UNAUTHORIZED, "The token is not valid"),
            Self::TokenExpired => ("token_expired", S::UNAUTHORIZED, "The token has expired"),
            Self::WorkerKeyInvalid => ("worker_key_invalid", S::UNAUTHORIZED, "A worker key is needed"),
            Self::TwitterAccessRevoked => ("twitter_access_revoked", S::FORBIDDEN, "Twitter no longer lets us act for the person"),
            Self::TwitterAccountSuspended => ("twitter_account_suspended", S::FORBIDDEN, "The Twitter account is suspended or locked"),
            Self::NotFound => ("not_found", S::NOT_FOUND, "There is nothing here"),
            Self::UnknownService => ("unknown_service", S::NOT_FOUND, "There is no such service"),
            Self::NotRegistered => ("not_registered", S::NOT_FOUND, "The person is not registered"),
            Self::TicketUnknown => ("ticket_unknown", S::NOT_FOUND, "No such ticket was issued for the job"),
            Self::MethodNotAllowed => ("method_not_allowed", S::METHOD_NOT_ALLOWED, "The path does not have the method"),
            Self::RequestTimeout => ("request_timeout", S::REQUEST_TIMEOUT, "The request took too long to arrive"),
            Self::TicketVoid => ("ticket_void", S::GONE, "The job is not to be done any more"),
            Self::TicketExpired => ("ticket_expired", S::GONE, "The ticket has expired"),
            Self::TicketUsed => ("ticket_used", S::GONE, "The ticket is used up"),
            Self::BodyTooLarge => ("body_too_large", S::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::UnsupportedMediaType => ("unsupported_media_type", S::UNSUPPORTED_MEDIA_TYPE, "The body is not of the right type"),
            Self::WrongHost => ("wrong_host", S::MISDIRECTED_REQUEST, "The server does not answer for this host"),
            Self::TooManyCalls => ("too_many_calls", S::TOO_MANY_REQUESTS, "Too many calls in a short time"),
            Self::CooldownActive => ("cooldown_active", S::TOO_MANY_REQUESTS, "The person has used the service lately"),
            Self::DailyQuotaExhausted => ("daily_quota_exhausted", S::TOO_MANY_REQUESTS, "Today's places are taken"),
            Self::QuotaExhausted => ("quota_exhausted", S::TOO_MANY_REQUESTS, "A quota is used up"),
            Self::InternalError => ("internal_error", S::INTERNAL_SERVER_ERROR, "Something went wrong"),
            Self::ServiceUnavailable => ("service_unavailable", S::SERVICE_UNAVAILABLE, "Not available at the moment"),
            Self::ServicePaused => ("service_paused", S::SERVICE_UNAVAILABLE, "The service is paused"),
            Self::OutcomeUnknown => ("outcome_unknown", S::SERVICE_UNAVAILABLE, "It is not known whether the call was done"),
            Self::TwitterRateLimited => ("twitter_rate_limited", S::SERVICE_UNAVAILABLE, "Twitter takes no more calls for the moment"),
            Self::NotReady => ("not_ready", S::SERVICE_UNAVAILABLE, "Not ready"),
            Self::Draining => ("draining", S::SERVICE_UNAVAILABLE, "The process is about to stop"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_in_the_table_is_the_name_on_the_wire() {
        for code in Code::ALL {
            assert_eq!(
                serde_json::to_value(code).unwrap(),
                code.as_str(),
                "{code:?}"
            );
        }
    }
}
