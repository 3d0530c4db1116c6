use actix_web::{HttpRequest, HttpResponse, http::header};

use super::path_part;
use crate::{
    people::{self, Person},
    x_error::XError,
};

/// `GET /pictures/{number}/face_normal.svg`, and `_400x400`, as at X.
pub(super) async fn avatar(request: HttpRequest) -> Result<HttpResponse, XError> {
    let pixels = match path_part(&request, "file") {
        "face_normal.svg" => 48,
        "face_400x400.svg" => 400,
        _ => return Err(XError::NoSuchPage),
    };
    Ok(svg(people::avatar(person(&request)?, pixels)))
}

/// `GET /banners/{number}/1500x500`
pub(super) async fn banner(request: HttpRequest) -> Result<HttpResponse, XError> {
    Ok(svg(people::banner(person(&request)?)))
}

fn person(request: &HttpRequest) -> Result<Person, XError> {
    let number = path_part(request, "number").parse().ok();
    number.and_then(Person::new).ok_or(XError::NoSuchPage)
}

/// A picture that pages of any origin may show, and that may load nothing.
fn svg(picture: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("image/svg+xml")
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header(("cross-origin-resource-policy", "cross-origin"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CACHE_CONTROL, "public, max-age=86400"))
        .body(picture)
}
