use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    Error, HttpRequest, HttpResponse, ResponseError,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{StatusCode, header},
    middleware::Next,
    web::{Bytes, Data},
};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    faults::{ActedFault, ActedFaults, FaultKind},
    oauth::Authorization,
    people::Person,
    provider::{Allowance, OAuthProvider},
    x_error::{V2Error, XError},
};

/// Acts the fault of a call out, if there is one; else the call is handled.
pub(crate) async fn act_out(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, Error> {
    let fault = request
        .app_data::<Data<ActedFaults>>()
        .and_then(|faults| faults.of(request.path(), caller(request.request())));
    let Some(fault) = fault else {
        return next.call(request).await;
    };
    if fault.fault == FaultKind::Slow {
        sleep(fault.time()).await;
        return next.call(request).await;
    }
    let answer = answer(&fault, request.request());
    Ok(request.into_response(answer))
}

/// The person whose token signs a call, as the call says.
fn caller(request: &HttpRequest) -> Option<Person> {
    let header = request.headers().get(header::AUTHORIZATION)?;
    let authorization = Authorization::parse(header.to_str().ok()?)?;
    OAuthProvider::claimed_person(authorization.get("oauth_token")?)
}

fn answer(fault: &ActedFault, request: &HttpRequest) -> HttpResponse {
    match fault.fault {
        FaultKind::RateLimited => {
            let now = request
                .app_data::<Data<OAuthProvider>>()
                .map_or(0, |provider| provider.now().timestamp());
            let error = XError::RateLimited(Allowance {
                limit: 75,
                remaining: 0,
                reset: now + i64::from(fault.seconds),
            });
            if request.path().starts_with("/2/") {
                V2Error::from(error).error_response()
            } else {
                error.error_response()
            }
        }
        FaultKind::NoCredits => HttpResponse::PaymentRequired().json(json!({
            "title": "CreditsDepleted",
            "type": "https://api.x.com/2/problems/credits",
            "status": 402,
            "detail": "The enrolled account does not have any credits to fulfill this request.",
        })),
        FaultKind::AccessLevel => errors(
            StatusCode::FORBIDDEN,
            453,
            "You currently have access to a subset of X API V2 endpoints.",
        ),
        FaultKind::Locked => errors(
            StatusCode::FORBIDDEN,
            326,
            "To protect our users from spam and other malicious activity, this account is temporarily locked.",
        ),
        FaultKind::Suspended => errors(
            StatusCode::FORBIDDEN,
            64,
            "Your account is suspended and is not permitted to access this feature.",
        ),
        FaultKind::ForbiddenPage => HttpResponse::Forbidden()
            .content_type("text/html; charset=utf-8")
            .body("<!DOCTYPE html><html><head><title>403 Forbidden</title></head><body><h1>Forbidden</h1></body></html>"),
        FaultKind::Broken => HttpResponse::Ok()
            .content_type("application/json")
            .message_body(BrokenBody::default())
            .map_or_else(|_| HttpResponse::InternalServerError().finish(), HttpResponse::map_into_boxed_body),
        // The first is no fault of a call, and the second was acted out before.
        FaultKind::Unavailable | FaultKind::Revoke | FaultKind::Slow => {
            errors(StatusCode::SERVICE_UNAVAILABLE, 130, "Over capacity")
        }
    }
}

fn errors(status: StatusCode, code: u32, message: &str) -> HttpResponse {
    let error = json!({ "code": code, "message": message });
    HttpResponse::build(status).json(json!({ "errors": [error] }))
}

/// A body that ends early.
#[derive(Default)]
struct BrokenBody {
    has_begun: bool,
}

impl MessageBody for BrokenBody {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(1_000)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.has_begun {
            return Poll::Ready(Some(Err(io::ErrorKind::BrokenPipe.into())));
        }
        self.has_begun = true;
        Poll::Ready(Some(Ok(Bytes::from_static(b"{\"data\":{"))))
    }
}
