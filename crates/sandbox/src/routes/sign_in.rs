use actix_web::{HttpResponse, http::header, web};
use serde_json::json;
use url::form_urlencoded;

use super::call::SignedCall;
use crate::{provider::OAuthProvider, x_error::XError};

/// `POST /oauth/request_token`
pub(super) async fn request_token(
    provider: web::Data<OAuthProvider>,
    call: SignedCall,
) -> Result<HttpResponse, XError> {
    let issued = provider.issue_request_token(&call.received())?;
    Ok(form(&[
        ("oauth_token", &issued.token),
        ("oauth_token_secret", &issued.secret),
        ("oauth_callback_confirmed", "true"),
    ]))
}

/// `POST /oauth/access_token`
pub(super) async fn access_token(
    provider: web::Data<OAuthProvider>,
    call: SignedCall,
) -> Result<HttpResponse, XError> {
    let access = provider.exchange(&call.received())?;
    Ok(form(&[
        ("oauth_token", &access.token),
        ("oauth_token_secret", &access.secret),
        ("user_id", &access.person.user_id().to_string()),
        ("screen_name", &access.person.screen_name()),
    ]))
}

/// `POST /1.1/oauth/invalidate_token`
pub(super) async fn invalidate_token(
    provider: web::Data<OAuthProvider>,
    call: SignedCall,
) -> Result<HttpResponse, XError> {
    let access = provider.person(&call.received())?;
    provider.revoke(access.person);
    Ok(HttpResponse::Ok().json(json!({ "access_token": access.token })))
}

fn form(fields: &[(&str, &str)]) -> HttpResponse {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("application/x-www-form-urlencoded")
        .body(body)
}
