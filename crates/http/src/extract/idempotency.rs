use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use lemon_domain::values::IdempotencyKey;

use crate::problem::{Code, Problem};

/// The client's name for this attempt, if it gives one (`Idempotency-Key`).
pub(crate) struct NamedAttempt(pub(crate) Option<IdempotencyKey>);

impl FromRequest for NamedAttempt {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(key(request).map(Self))
    }
}

fn key(request: &HttpRequest) -> Result<Option<IdempotencyKey>, Problem> {
    let invalid = |fault: String| Problem::new(Code::InvalidHeader, fault);
    let mut given = request.headers().get_all("idempotency-key");
    let Some(key) = given.next() else {
        return Ok(None);
    };
    if given.next().is_some() {
        return Err(invalid(
            "The request has more than one Idempotency-Key header.".to_owned(),
        ));
    }
    // Other characters than ASCII become a replacement character, which the value refuses.
    IdempotencyKey::parse(String::from_utf8_lossy(key.as_bytes()))
        .map(Some)
        .map_err(|fault| invalid(format!("{fault}.")))
}
