use std::{
    future::{Ready, ready},
    sync::Arc,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use lemon_domain::values::Service;

use crate::problem::Problem;

/// The service of the path: see [`Route::resource_of`](crate::route::Route::resource_of).
pub(crate) struct Offered(pub(crate) Arc<Service>);

impl FromRequest for Offered {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let service = request.app_data::<Arc<Service>>().cloned();
        ready(
            service
                .map(Self)
                .ok_or_else(|| Problem::internal("the path belongs to no service")),
        )
    }
}
