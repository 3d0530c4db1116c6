use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web::Data};
use chrono::{DateTime, Utc};
use futures::future::{Either, LocalBoxFuture};
use lemon_domain::{ports::TokenDigest, values::Identity};
use tracing::{Span, field};

use crate::{
    api::Api,
    deadline::within,
    jwt::{TokenError, ValidToken, digest},
    problem::{Code, Problem},
};

/// The caller, by the token of the request. Only calls that need a caller check the token.
pub(crate) struct Caller(pub(crate) Identity);

/// The caller's token, and the caller.
pub(crate) struct CallerToken {
    pub(crate) identity: Identity,
    pub(crate) digest: TokenDigest,
    pub(crate) expires_at: DateTime<Utc>,
}

/// Most callers are known: then nothing is waited for.
type Known<T> = Either<Ready<Result<T, Problem>>, LocalBoxFuture<'static, Result<T, Problem>>>;

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Known<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        known(request, |token, _| Self(token.identity))
    }
}

impl FromRequest for CallerToken {
    type Error = Problem;
    type Future = Known<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        known(request, |token, digest| Self {
            identity: token.identity,
            digest,
            expires_at: token.expires_at,
        })
    }
}

/// Who calls, if their token is good. A call that everybody may make answers also without one, or with a bad one.
pub(crate) struct KnownCaller(pub(crate) Option<Identity>);

impl FromRequest for KnownCaller {
    type Error = Problem;
    type Future =
        Either<Ready<Result<Self, Problem>>, LocalBoxFuture<'static, Result<Self, Problem>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        if !request.headers().contains_key(header::AUTHORIZATION) {
            return Either::Left(ready(Ok(Self(None))));
        }
        match known(request, |token, _| token.identity) {
            Either::Left(caller) => Either::Left(ready(Ok(Self(caller.into_inner().ok())))),
            Either::Right(caller) => {
                Either::Right(Box::pin(async move { Ok(Self(caller.await.ok())) }))
            }
        }
    }
}

/// The caller, once it is certain that the account of the token is the person's.
fn known<T: 'static>(
    request: &HttpRequest,
    caller: impl FnOnce(ValidToken, TokenDigest) -> T + 'static,
) -> Known<T> {
    let (api, token, digest) = match authenticate(request) {
        Ok(authenticated) => authenticated,
        Err(problem) => return Either::Left(ready(Err(problem))),
    };
    match api.use_cases.known_people.recall(token.identity) {
        Some(true) => Either::Left(ready(Ok(caller(token, digest)))),
        Some(false) => Either::Left(ready(Err(Problem::unknown_person()))),
        None => Either::Right(Box::pin(async move {
            let asking = api.use_cases.known_people.is_known(token.identity);
            if within(api.deadlines.call, asking).await?? {
                Ok(caller(token, digest))
            } else {
                Err(Problem::unknown_person())
            }
        })),
    }
}

fn authenticate(request: &HttpRequest) -> Result<(Data<Api>, ValidToken, TokenDigest), Problem> {
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
            "The request has more than one Authorization header.",
        ));
    }
    let token = credentials
        .to_str()
        .ok()
        .and_then(|credentials| credentials.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token)
        .ok_or(TokenError::Invalid)?;
    let api = request
        .app_data::<Data<Api>>()
        .ok_or_else(|| Problem::internal("the application has no state"))?;
    let valid = api.tokens.read(token)?;
    let digest = digest(token);
    let (user, issued_at) = (valid.identity.user, valid.issued_at);
    if api
        .use_cases
        .sign_outs
        .revocations
        .is_revoked(|| digest, user, issued_at)
    {
        return Err(Problem::new(
            Code::TokenInvalid,
            "The token was ended by a logout. Sign in again.",
        ));
    }
    Span::current().record("user.id", field::display(user));
    Ok((api.clone(), valid, digest))
}
