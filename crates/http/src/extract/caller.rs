use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header};
use lemon_domain::values::Identity;
use tracing::{Span, field};

use crate::{
    api::Api,
    jwt::TokenError,
    problem::{Code, Problem},
};

/// The caller, by the token of the request. Only calls that need a caller check the token.
pub(crate) struct Caller(pub(crate) Identity);

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(authenticate(request).map(Self))
    }
}

/// Who calls, if their token is good. A call that everybody may make answers also without one, or with a bad one.
pub(crate) struct KnownCaller(pub(crate) Option<Identity>);

impl FromRequest for KnownCaller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let has_token = request.headers().contains_key(header::AUTHORIZATION);
        let known = has_token.then(|| authenticate(request).ok()).flatten();
        ready(Ok(Self(known)))
    }
}

fn authenticate(request: &HttpRequest) -> Result<Identity, Problem> {
    let mut given = request.headers().get_all(header::AUTHORIZATION);
    let Some(credentials) = given.next() else {
        return Err(Problem::new(
            Code::TokenMissing,
            "Send the token as Authorization: Bearer.",
        ));
    };
    if given.next().is_some() {
        return Err(Problem::new(
            Code::TokenInvalid,
            "There is more than one Authorization header.",
        ));
    }
    let token = credentials
        .to_str()
        .ok()
        .and_then(|credentials| credentials.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token)
        .ok_or(TokenError::Invalid)?;
    let identity = Api::of(request)?.tokens.verify(token)?;
    Span::current().record("user.id", field::display(identity.user));
    Ok(identity)
}
