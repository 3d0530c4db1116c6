use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, Resource, guard,
    http::{
        Method,
        header::{self, HeaderValue},
    },
    web,
};

use lemon_domain::values::Service;

use crate::problem::{Code, Problem};

/// A path that we serve: its pattern, which names it in metrics, and its methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    /// Such as `/api/service/{service}`.
    pub(crate) pattern: &'static str,
    /// Such as `GET, HEAD`.
    pub(crate) allow: &'static str,
}

impl Route {
    /// The route that a request matched, if it is one of ours.
    pub(crate) fn of(request: &HttpRequest) -> Option<Self> {
        request.app_data::<Self>().copied()
    }

    /// The resource to add handlers to. `OPTIONS` lists the methods; any other method without a handler is refused.
    pub(crate) fn resource(self) -> Resource {
        self.at(self.pattern)
    }

    /// The resource of one service, which [`Offered`](crate::extract::Offered) then extracts.
    pub(crate) fn resource_of(self, service: &Arc<Service>) -> Resource {
        let path = self.pattern.replace("{service}", service.path.as_str());
        self.at(&path).app_data(Arc::clone(service))
    }

    /// The resource of all other paths of the pattern: there is no such service, with any method.
    pub(crate) fn resource_of_none(self) -> Resource {
        web::resource(self.pattern)
            .app_data(self)
            .default_service(web::to(no_service))
    }

    fn at(self, path: &str) -> Resource {
        web::resource(path)
            .app_data(self)
            .default_service(web::to(other_method))
    }
}

/// A `GET`, and the `HEAD` that goes with it.
pub(crate) fn get() -> actix_web::Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// Answers any method for which a path has no handler.
async fn other_method(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let allow = Route::of(&request).map_or("", |route| route.allow);
    if request.method() == Method::OPTIONS {
        return Ok(HttpResponse::NoContent()
            .insert_header((header::ALLOW, HeaderValue::from_static(allow)))
            .finish());
    }
    Err(Problem::method_not_allowed(allow))
}

async fn no_service() -> Result<HttpResponse, Problem> {
    Err(Problem::new(
        Code::UnknownService,
        "No service has this path.",
    ))
}

/// Answers any unknown path.
pub(crate) async fn no_path() -> Result<HttpResponse, Problem> {
    Err(Problem::new(Code::NotFound, "No call has this path."))
}
