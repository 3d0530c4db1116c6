use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};

use crate::origin::Origin;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE");
/// The headers that the API reads.
const HEADERS: [&str; 4] = [
    "authorization",
    "content-type",
    "idempotency-key",
    "x-request-id",
];
/// The most further headers that a preflight is answered for: a web app and what traces its calls ask for a few.
const MORE_HEADERS: usize = 32;
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Authorization, Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate, X-Request-Id",
);
/// How long a browser may remember a preflight: an hour, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("3600");

/// Cross-origin calls with credentials (<https://fetch.spec.whatwg.org/#http-cors-protocol>).
///
/// Not taken from `actix-cors`, because that one answers a preflight that it refuses in plain text, sends
/// `Access-Control-Allow-Credentials` to unknown origins, and cannot add headers to the answer to a panic. Nobody is
/// refused here: the browser of an unknown origin finds no permission in the answer, and CORS demands no more.
pub(crate) struct Cors {
    origins: Vec<HeaderValue>,
}

/// The result of CORS for one request.
pub(crate) enum Sharing {
    /// The request is not for the API.
    None,
    /// The answer varies by origin, and this origin has no permission.
    Stranger,
    /// The origin may read the answer.
    Friend(HeaderValue),
}

impl Cors {
    pub(crate) fn new(origins: &[Origin]) -> Self {
        let origins = origins
            .iter()
            .filter_map(|origin| HeaderValue::from_str(origin.as_str()).ok())
            .collect();
        Self { origins }
    }

    pub(crate) fn sharing(&self, request: &HttpRequest) -> Sharing {
        let below = request.path().strip_prefix("/api");
        if !below.is_some_and(|below| below.is_empty() || below.starts_with('/')) {
            return Sharing::None;
        }
        request
            .headers()
            .get(header::ORIGIN)
            .filter(|origin| self.origins.contains(origin))
            .map_or(Sharing::Stranger, |origin| Sharing::Friend(origin.clone()))
    }
}

/// `Origin`, and what an answer varies by otherwise.
fn vary(headers: &HeaderMap) -> HeaderValue {
    let origin = HeaderValue::from_static("Origin");
    headers
        .get(header::VARY)
        .and_then(|others| HeaderValue::try_from(format!("Origin, {}", others.to_str().ok()?)).ok())
        .unwrap_or(origin)
}

/// The headers that the API reads, and those that the browser asks for: whatever else a friend sends does no harm, and what traces
/// calls adds `traceparent`, `baggage` and others by itself.
fn allowed(preflight: &HttpRequest) -> String {
    let asked = preflight
        .headers()
        .get_all(header::ACCESS_CONTROL_REQUEST_HEADERS)
        .filter_map(|asked| asked.to_str().ok())
        .flat_map(|asked| asked.split(','))
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        .filter(|name| !HEADERS.contains(&name.as_str()))
        .take(MORE_HEADERS);
    let mut allowed = HEADERS.join(", ");
    for name in asked {
        allowed.push_str(", ");
        allowed.push_str(name.as_str());
    }
    allowed
}

impl Sharing {
    /// The answer to a preflight, if the request is one.
    pub(crate) fn preflight(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let is_preflight = !matches!(self, Self::None)
            && request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ORIGIN)
            && request
                .headers()
                .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        is_preflight.then(|| {
            let mut answer = HttpResponse::NoContent();
            if matches!(self, Self::Friend(_)) {
                answer
                    .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS))
                    .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, allowed(request)))
                    .insert_header((header::ACCESS_CONTROL_MAX_AGE, MAX_AGE));
            }
            answer.finish()
        })
    }

    /// Adds to any answer the headers that the browser looks for.
    pub(crate) fn share(self, headers: &mut HeaderMap) {
        if !matches!(self, Self::None) {
            headers.insert(header::VARY, vary(headers));
        }
        if let Self::Friend(origin) = self {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }
}
