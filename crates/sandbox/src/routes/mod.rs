//! The provider over HTTP.

mod acting;
mod call;
mod consent;
mod csrf;
mod faults;
mod pictures;
mod sign_in;
mod timeline;
mod tweets;
mod users;

use actix_web::{HttpRequest, Resource, Route, web};

pub(crate) use acting::act_out;

use crate::x_error::{V2Error, XError};

/// The largest body that is accepted, in bytes.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// Adds every route; the app data must hold a [`crate::provider::Provider`].
pub(crate) fn configure(app: &mut web::ServiceConfig) {
    app.app_data(web::PayloadConfig::new(MAX_BODY))
        .service(post(
            "/oauth/request_token",
            web::post().to(sign_in::request_token),
        ))
        .service(post(
            "/oauth/access_token",
            web::post().to(sign_in::access_token),
        ))
        .service(get(
            "/oauth/authenticate",
            web::get().to(consent::authenticate),
        ))
        .service(
            resource("/oauth/authorize", "GET, POST")
                .route(web::get().to(consent::ask))
                .route(web::post().to(consent::decide)),
        )
        .service(post(
            "/1.1/oauth/invalidate_token",
            web::post().to(sign_in::invalidate_token),
        ))
        .service(get(
            "/1.1/account/verify_credentials.json",
            web::get().to(users::verify_credentials),
        ))
        .service(get("/2/users/me", web::get().to(users::me)))
        .service(get(
            "/2/users/{id}/tweets",
            web::get().to(tweets::of_person),
        ))
        .service(post("/2/tweets", web::post().to(tweets::post)))
        .service(get(
            "/pictures/{number}/{file}",
            web::get().to(pictures::avatar),
        ))
        .service(get(
            "/banners/{number}/1500x500",
            web::get().to(pictures::banner),
        ))
        .service(web::redirect("/", "/timeline"))
        .service(get("/timeline", web::get().to(timeline::all)))
        .service(get(
            "/timeline/{user_id}",
            web::get().to(timeline::of_person),
        ))
        .service(get(
            "/sandbox/notifications/{user_id}",
            web::get().to(timeline::notifications),
        ))
        .service(
            resource("/sandbox/faults", "DELETE, GET, POST")
                .route(web::get().to(faults::show))
                .route(web::post().to(faults::act))
                .route(web::delete().to(faults::clear)),
        )
        .service(post("/sandbox/sign-out", web::post().to(consent::sign_out)))
        .service(get("/sandbox/style.css", web::get().to(timeline::style)))
        .service(get("/sandbox/icon.svg", web::get().to(timeline::icon)))
        .default_service(web::to(no_such_page));
}

fn get(path: &str, route: Route) -> Resource {
    resource(path, "GET").route(route)
}

fn post(path: &str, route: Route) -> Resource {
    resource(path, "POST").route(route)
}

fn resource(path: &str, allow: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move |request: HttpRequest| async move {
        Err::<&str, _>(in_shape(&request, XError::WrongMethod { allow }))
    }))
}

async fn no_such_page(request: HttpRequest) -> actix_web::Result<&'static str> {
    Err(in_shape(&request, XError::NoSuchPage))
}

/// The error in the format of the path's API version.
fn in_shape(request: &HttpRequest, error: XError) -> actix_web::Error {
    if request.path().starts_with("/2/") {
        V2Error::from(error).into()
    } else {
        error.into()
    }
}

/// Scheme, host and port from the caller's point of view.
fn origin(request: &HttpRequest) -> String {
    let connection = request.connection_info();
    format!("{}://{}", connection.scheme(), connection.host())
}

/// A part of the path, undecoded.
fn path_part<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    request.match_info().get(name).unwrap_or_default()
}
