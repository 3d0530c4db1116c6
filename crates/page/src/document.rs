use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, Resource, guard,
    http::{
        Method,
        header::{
            ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, EntityTag, Header,
            IfNoneMatch, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
        },
    },
    web::{self, Bytes},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::json;
use sha1::{Digest, Sha1};
use url::Url;

/// The methods that a document allows.
const ALLOWED: &str = "GET, HEAD";

/// A document that never changes while the program runs.
#[derive(Debug)]
pub(super) struct StaticDocument {
    path: &'static str,
    content_type: &'static str,
    policy: Option<String>,
    etag: EntityTag,
    body: Bytes,
}

impl StaticDocument {
    /// A file in `assets`.
    pub(super) fn asset(
        path: &'static str,
        content_type: &'static str,
        body: &'static str,
    ) -> Self {
        Self::new(path, content_type, Bytes::from_static(body.as_bytes()))
    }

    /// An HTML page. It may load from its own origin, and only pictures and data from the sandbox's origin.
    pub(super) fn page(path: &'static str, sandbox: &Url, html: String) -> Self {
        let sandbox = sandbox.origin().ascii_serialization();
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' {sandbox}; \
             connect-src 'self' {sandbox}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
        );
        let page = Self::new(path, "text/html; charset=utf-8", Bytes::from(html));
        Self {
            policy: Some(policy),
            ..page
        }
    }

    fn new(path: &'static str, content_type: &'static str, body: Bytes) -> Self {
        let digest = BASE64_URL_SAFE_NO_PAD.encode(Sha1::digest(&body));
        Self {
            path,
            content_type,
            policy: None,
            etag: EntityTag::new_weak(digest),
            body,
        }
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let known = self.is_known_to(request);
        let mut answer = if known {
            HttpResponse::NotModified()
        } else {
            HttpResponse::Ok()
        };
        answer
            .insert_header((ETAG, self.etag.to_string()))
            .insert_header((CACHE_CONTROL, "no-cache"))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((REFERRER_POLICY, "no-referrer"));
        if let Some(policy) = &self.policy {
            answer.insert_header((CONTENT_SECURITY_POLICY, policy.as_str()));
        }
        if known {
            return answer.finish();
        }
        answer
            .insert_header((CONTENT_TYPE, self.content_type))
            .body(self.body.clone())
    }

    /// Tells whether the browser has this version already (RFC 9110, section 13.1.2: the comparison is weak).
    fn is_known_to(&self, request: &HttpRequest) -> bool {
        match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&self.etag)),
            Err(_) => false,
        }
    }
}

/// Serves `GET` and `HEAD` of a document.
pub(super) fn resource(document: &Arc<StaticDocument>) -> Resource {
    let path = document.path;
    let document = Arc::clone(document);
    let reading = guard::Any(guard::Get()).or(guard::Head());
    web::resource(path)
        .route(web::route().guard(reading).to(move |request: HttpRequest| {
            let answer = document.answer(&request);
            async { answer }
        }))
        .default_service(web::to(other_method))
}

/// Lists the methods for `OPTIONS`, and refuses every other method as the API does (RFC 9457).
async fn other_method(request: HttpRequest) -> HttpResponse {
    if request.method() == Method::OPTIONS {
        return HttpResponse::NoContent()
            .insert_header((ALLOW, ALLOWED))
            .finish();
    }
    HttpResponse::MethodNotAllowed()
        .insert_header((ALLOW, ALLOWED))
        .content_type("application/problem+json")
        .json(json!({
            "type": "urn:lemon:problem:method_not_allowed",
            "title": "The path does not have the method",
            "status": 405,
            "detail": format!("This path allows only {ALLOWED}."),
            "instance": request.path(),
            "code": "method_not_allowed",
        }))
}
