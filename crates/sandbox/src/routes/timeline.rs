use actix_web::{HttpRequest, HttpResponse, http::header, web};
use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::{consent::language_of, path_part};
use crate::{
    html::{self, ICON, STYLE},
    people::Person,
    provider::OAuthProvider,
    x_error::XError,
};

/// `GET /timeline`
pub(super) async fn all(provider: web::Data<OAuthProvider>, request: HttpRequest) -> HttpResponse {
    html::timeline(language_of(&request), &provider.posts(None), None).into_response()
}

/// `GET /timeline/{user_id}`
pub(super) async fn of_person(
    provider: web::Data<OAuthProvider>,
    request: HttpRequest,
) -> Result<HttpResponse, XError> {
    let person = person(&request)?;
    let posts = provider.posts(Some(person));
    Ok(html::timeline(language_of(&request), &posts, Some(person)).into_response())
}

/// `GET /sandbox/notifications/{user_id}`: the posts with the person's token, newest first, for pages of any origin.
pub(super) async fn notifications(
    provider: web::Data<OAuthProvider>,
    request: HttpRequest,
) -> Result<HttpResponse, XError> {
    let posts = provider.posts(Some(person(&request)?));
    let posts: Vec<Value> = posts
        .into_iter()
        .map(|post| {
            json!({
                "id": post.id.to_string(),
                "text": post.text,
                "created_at": post.created_at.to_rfc3339_opts(SecondsFormat::Millis, true),
            })
        })
        .collect();
    Ok(HttpResponse::Ok()
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(posts))
}

/// `GET /sandbox/style.css`
pub(super) async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(STYLE)
}

/// `GET /sandbox/icon.svg`
pub(super) async fn icon() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("image/svg+xml")
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(ICON)
}

fn person(request: &HttpRequest) -> Result<Person, XError> {
    Person::by_user_id_text(path_part(request, "user_id")).ok_or(XError::NoSuchPage)
}
