//! The middleware of calls that are limited by address.

use actix_web::{
    Error, HttpRequest,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};

use crate::{api::Api, gates::Gates, problem::Problem};

/// Lets an address begin so many sign-ins.
pub(crate) async fn begin_sign_in(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, Error> {
    pass(Gates::begin_sign_in, request, next).await
}

/// Lets an address complete so many sign-ins.
pub(crate) async fn complete_sign_in(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, Error> {
    pass(Gates::complete_sign_in, request, next).await
}

async fn pass(
    admit: impl FnOnce(&Gates, &HttpRequest) -> Result<(), Problem>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, Error> {
    let called = request.request();
    let admitted = Api::of(called).and_then(|api| admit(&api.gates, called));
    match admitted {
        Ok(()) => next.call(request).await,
        Err(problem) => Ok(request.error_response(problem)),
    }
}
