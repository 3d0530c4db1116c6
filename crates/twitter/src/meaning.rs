//! What an unsuccessful answer means for the call.

use chrono::{DateTime, Utc};
use reqwest::{StatusCode, header::HeaderMap};

use crate::{
    error::TwitterFault,
    refusal::{
        ACCESS_LEVEL, BAD_AUTHENTICATION_DATA, CALLBACK_NOT_APPROVED, COULD_NOT_AUTHENTICATE,
        DUPLICATE_POST, INVALID_TOKEN, NO_WRITE_ACCESS, RATE_LIMITED, TIMESTAMP_OUT_OF_BOUNDS,
        XProblem, XRefusal, problems_in, wait,
    },
};

/// The owner of the token of a call: a 401 or 403 is about that token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenOwner {
    /// Nobody's: the application calls without a token.
    Application,
    /// A sign-in's request token: any refusal means the token or its verifier.
    SignIn,
    /// A person's access token.
    Person,
}

/// The meaning of an answer that is neither a success nor a redirect.
pub(crate) fn fault_of(
    call: String,
    bearer: TokenOwner,
    (status, headers, body): (StatusCode, &HeaderMap, &[u8]),
    now: DateTime<Utc>,
) -> TwitterFault {
    let found = problems_in(status, body);
    let problems = found.as_deref().unwrap_or_default();
    let told = |code| problems.iter().any(|problem| problem.has_code(code));
    let mentioned = |words| problems.iter().any(|problem| problem.mentions(words));
    if status == StatusCode::TOO_MANY_REQUESTS || told(RATE_LIMITED) {
        return TwitterFault::RateLimited(wait(headers, now));
    }
    // 408: Twitter stopped waiting for the request to arrive.
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        let status = status.as_u16();
        return TwitterFault::Failed { call, status };
    }
    if found.is_none() {
        return TwitterFault::NotOfTheApi { call };
    }
    let is_of_somebody = bearer != TokenOwner::Application;
    if is_of_somebody && problems.iter().any(XProblem::is_of_the_account) {
        return TwitterFault::Suspended;
    }
    if told(DUPLICATE_POST) || mentioned("duplicate content") {
        return TwitterFault::DuplicatePost;
    }
    let about_the_application = told(TIMESTAMP_OUT_OF_BOUNDS)
        || told(BAD_AUTHENTICATION_DATA)
        || told(NO_WRITE_ACCESS)
        || told(CALLBACK_NOT_APPROVED)
        || told(ACCESS_LEVEL);
    let token_refused = match bearer {
        TokenOwner::Application => false,
        TokenOwner::SignIn => matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN),
        // A call that is signed with a wrong secret of the application has no valid signature, whatever the token.
        TokenOwner::Person if told(COULD_NOT_AUTHENTICATE) => told(INVALID_TOKEN),
        TokenOwner::Person => status == StatusCode::UNAUTHORIZED || told(INVALID_TOKEN),
    };
    if token_refused && !about_the_application {
        // Version 2 answers a revoked token and a wrong secret of the application alike.
        let is_bare = problems.iter().all(XProblem::has_no_code);
        if bearer == TokenOwner::Person && is_bare {
            return TwitterFault::Unclear { call };
        }
        return TwitterFault::InvalidToken;
    }
    let refusal = XRefusal::new(status, problems);
    TwitterFault::Refused { call, refusal }
}

/// The meaning of an answer with status 200, errors, and no data.
pub(crate) fn fault_without_data(call: String, problems: &[XProblem]) -> TwitterFault {
    if problems.iter().any(XProblem::is_of_the_account) {
        return TwitterFault::Suspended;
    }
    if problems.is_empty() {
        let field = "data";
        return TwitterFault::Lacks { call, field };
    }
    let refusal = XRefusal::new(StatusCode::OK, problems);
    TwitterFault::Refused { call, refusal }
}
