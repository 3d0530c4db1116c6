//! The calls of the API: each has a handler, its answers and its documentation.

pub(crate) mod oauth;
pub(crate) mod profile;
mod quota;
pub(crate) mod registration;
pub(crate) mod services;
mod time;

use actix_web::web;
use lemon_domain::values::Catalogue;

use crate::route::{Route, get};

const REQUEST_TOKEN: Route = Route {
    pattern: "/api/oauth/twitter/request-token",
    allow: "GET, HEAD",
};
const TWITTER_LOGIN: Route = Route {
    pattern: "/api/oauth/twitter/twitter-login",
    allow: "POST",
};
const USER_PROFILE: Route = Route {
    pattern: "/api/twitter/user-profile",
    allow: "GET, HEAD",
};
const SERVICES: Route = Route {
    pattern: "/api/service",
    allow: "GET, HEAD, PUT",
};
const SERVICE: Route = Route {
    pattern: "/api/service/{service}",
    allow: "DELETE, POST",
};
const CAN_USE: Route = Route {
    pattern: "/api/service/{service}/can-use",
    allow: "GET, HEAD",
};

/// Every path of the API. The busiest come first, because paths are tried in this order.
pub(crate) fn routes(config: &mut web::ServiceConfig, catalogue: &Catalogue) {
    for service in catalogue.iter() {
        config
            .service(
                CAN_USE
                    .resource_of(service)
                    .route(get().to(registration::can_use)),
            )
            .service(
                SERVICE
                    .resource_of(service)
                    .route(web::post().to(registration::register))
                    .route(web::delete().to(registration::delete)),
            );
    }
    config
        .service(
            SERVICES
                .resource()
                .route(get().to(services::list))
                .route(web::put().to(services::publish)),
        )
        .service(
            REQUEST_TOKEN
                .resource()
                .route(get().to(oauth::request_token)),
        )
        .service(
            TWITTER_LOGIN
                .resource()
                .route(web::post().to(oauth::twitter_login)),
        )
        .service(
            USER_PROFILE
                .resource()
                .route(get().to(profile::user_profile)),
        )
        .service(CAN_USE.resource_of_none())
        .service(SERVICE.resource_of_none());
}
