use std::{panic::AssertUnwindSafe, rc::Rc, time::Instant};

use actix_web::{
    Error, HttpResponse,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        Method, Uri,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
};
use futures::FutureExt;
use lemon_domain::ports::IdSource;
use tracing::{Instrument, Span, field};

use crate::{
    cors::{Cors, Sharing},
    measures::HttpMetrics,
    problem::Problem,
    request_ids::{RequestIds, X_REQUEST_ID},
    route::Route,
};

/// The headers of an answer, unless its handler sets others: no caching, no scripts, no referrer.
const HARDENING: [(HeaderName, HeaderValue); 4] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
];

/// The steps that every request passes on its way in and every answer on its way out, whatever happened in between:
/// name, log, metrics, problems, CORS, hardening. Each worker has one.
///
/// Not taken from `tracing-actix-web`, because that one logs the query and the peer's address, uses its own randomness,
/// and formats a dozen fields for each request.
pub(crate) struct Edge {
    cors: Cors,
    ids: RequestIds,
    measures: HttpMetrics,
}

/// The data of a request that is taken before it is handled, and needed after.
struct Request {
    started: Instant,
    id: HeaderValue,
    method: Method,
    uri: Uri,
    sharing: Sharing,
}

impl Edge {
    pub(crate) fn new(cors: Cors, ids: &dyn IdSource) -> Self {
        Self {
            cors,
            ids: RequestIds::new(ids),
            measures: HttpMetrics::default(),
        }
    }

    /// The middleware.
    pub(crate) async fn pass(
        self: Rc<Self>,
        request: ServiceRequest,
        next: Next<BoxBody>,
    ) -> Result<ServiceResponse, Error> {
        let known = Request {
            started: Instant::now(),
            id: self.ids.name(&request),
            method: request.method().clone(),
            uri: request.uri().clone(),
            sharing: self.cors.sharing(request.request()),
        };
        let span = known.span();
        async {
            let answer = known.answer(request, next).await;
            self.finish(known, answer)
        }
        .instrument(span)
        .await
    }

    fn finish(
        &self,
        known: Request,
        answer: Result<ServiceResponse, HttpResponse>,
    ) -> Result<ServiceResponse, Error> {
        let took = known.started.elapsed();
        let (status, route) = match &answer {
            Ok(answer) => (answer.status(), Route::of(answer.request())),
            Err(answer) => (answer.status(), None),
        };
        let route = route.map(|route| route.pattern);
        self.measures.record(&known.method, route, status, took);
        tracing::debug!(
            http.method = known.method.as_str(),
            http.path = known.uri.path(),
            http.route = route,
            http.status = status.as_u16(),
            duration_ms = took.as_secs_f64() * 1000.0,
            "answered"
        );
        match answer {
            Ok(mut answer) => {
                known.seal(answer.headers_mut());
                Ok(answer)
            }
            Err(mut answer) => {
                known.seal(answer.headers_mut());
                Err(InternalError::from_response("the request is lost", answer).into())
            }
        }
    }
}

impl Request {
    /// The start of every log line of the request. A span is formatted even if nothing is logged, so it names the
    /// request and no more.
    fn span(&self) -> Span {
        tracing::info_span!(
            "request",
            request.id = self.id.to_str().unwrap_or_default(),
            user.id = field::Empty,
        )
    }

    /// The answer: `Err` if the request itself was not returned, so that the answer has no request to go with.
    async fn answer(
        &self,
        request: ServiceRequest,
        next: Next<BoxBody>,
    ) -> Result<ServiceResponse, HttpResponse> {
        if let Some(preflight) = self.sharing.preflight(request.request()) {
            return Ok(request.into_response(preflight));
        }
        let path = self.uri.path();
        match AssertUnwindSafe(next.call(request)).catch_unwind().await {
            Ok(Ok(answer)) => Ok(with_problem(answer, path)),
            Ok(Err(error)) => Err(problem_of(&error, path)),
            Err(_) => Err(Problem::internal("a handler panicked").answer(path)),
        }
    }

    fn seal(self, headers: &mut HeaderMap) {
        for (name, value) in HARDENING {
            if !headers.contains_key(&name) {
                headers.insert(name, value);
            }
        }
        headers.insert(X_REQUEST_ID, self.id);
        self.sharing.share(headers);
    }
}

/// Replaces an error by its problem.
fn with_problem(answer: ServiceResponse, path: &str) -> ServiceResponse {
    match answer.response().error() {
        Some(error) => {
            let problem = problem_of(error, path);
            answer.into_response(problem)
        }
        None => answer,
    }
}

fn problem_of(error: &Error, path: &str) -> HttpResponse {
    if let Some(problem) = error.as_error::<Problem>() {
        return problem.answer(path);
    }
    let status = error.as_response_error().status_code();
    Problem::of_status(status, error).answer(path)
}
