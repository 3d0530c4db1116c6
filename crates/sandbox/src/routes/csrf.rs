use actix_web::{HttpRequest, http::header};

use super::origin;

/// Tells whether a browser sent this from another site. Programs send neither header, and are accepted.
pub(super) fn is_from_elsewhere(request: &HttpRequest) -> bool {
    let text = |name: header::HeaderName| {
        let value = request.headers().get(name)?;
        Some(value.to_str().unwrap_or_default())
    };
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    let elsewhere = site.is_some_and(|site| !matches!(site, "same-origin" | "none"));
    elsewhere || text(header::ORIGIN).is_some_and(|sender| sender != origin(request))
}
