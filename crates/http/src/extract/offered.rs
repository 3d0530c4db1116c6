use std::{
    future::{Ready, ready},
    sync::Arc,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use lemon_domain::values::Service;

use super::api;
use crate::problem::{Code, Problem};

/// The service that the path names.
pub(crate) struct Offered(pub(crate) Arc<Service>);

impl FromRequest for Offered {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(service(request).map(Self))
    }
}

fn service(request: &HttpRequest) -> Result<Arc<Service>, Problem> {
    api(request)?
        .use_cases
        .catalogue
        .by_path(request.match_info().query("service"))
        .cloned()
        .ok_or_else(|| Problem::new(Code::UnknownService, "No service has this path."))
}
