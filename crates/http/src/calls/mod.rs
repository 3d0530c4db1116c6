//! The calls of the API: each has a handler, its answers and its documentation.

pub(crate) mod oauth;
pub(crate) mod profile;
mod quota;
pub(crate) mod registration;
pub(crate) mod services;
pub(crate) mod sign_out;
mod time;

use actix_web::{middleware::from_fn, web};
use lemon_domain::values::Catalogue;

use crate::{
    gated,
    route::{Route, get},
};

const REQUEST_TOKEN: Route = Route {
    pattern: "/api/oauth/twitter/request-token",
    allow: "GET, HEAD",
};
const TWITTER_LOGIN: Route = Route {
    pattern: "/api/oauth/twitter/twitter-login",
    allow: "POST",
};
const LOGOUT: Route = Route {
    pattern: "/api/logout",
    allow: "POST",
};
const LOGOUT_EVERYWHERE: Route = Route {
    pattern: "/api/logout-everywhere",
    allow: "POST",
};
const ACCOUNT: Route = Route {
    pattern: "/api/account",
    allow: "DELETE",
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
            REQUEST_TOKEN.resource().route(
                get()
                    .to(oauth::request_token)
                    .wrap(from_fn(gated::begin_sign_in)),
            ),
        )
        .service(
            TWITTER_LOGIN.resource().route(
                web::post()
                    .to(oauth::twitter_login)
                    .wrap(from_fn(gated::complete_sign_in)),
            ),
        )
        .service(
            USER_PROFILE
                .resource()
                .route(get().to(profile::user_profile)),
        )
        .service(LOGOUT.resource().route(web::post().to(sign_out::log_out)))
        .service(
            LOGOUT_EVERYWHERE
                .resource()
                .route(web::post().to(sign_out::log_out_everywhere)),
        )
        .service(
            ACCOUNT
                .resource()
                .route(web::delete().to(sign_out::delete_account)),
        )
        .service(CAN_USE.resource_of_none())
        .service(SERVICE.resource_of_none());
}
