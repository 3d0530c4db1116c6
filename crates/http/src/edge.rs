use std::{panic::AssertUnwindSafe, pin::pin, rc::Rc, time::Instant};

use actix_web::{
    Error, HttpResponse,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        ConnectionType, Method, Uri,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
};
use futures::FutureExt;
use lemon_connections::{AddressMember, Hosts};
use lemon_domain::{
    ports::IdSource,
    traces::{TraceSpan, Tracer, in_span},
};
use tracing::{Instrument, Span, field};

use crate::{
    cors::{Cors, Sharing},
    draining::Draining,
    gates::ProxiedCalls,
    measures::HttpMetrics,
    problem::{Code, Problem},
    request_ids::{RequestIds, X_REQUEST_ID},
    route::Route,
    traced::{self, AnsweredCall},
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
    draining: Draining,
    hosts: Hosts,
    proxied: Option<ProxiedCalls>,
    tracer: Tracer,
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
    pub(crate) fn new(cors: Cors, ids: &dyn IdSource, draining: Draining) -> Self {
        Self {
            cors,
            ids: RequestIds::new(ids),
            measures: HttpMetrics::default(),
            draining,
            hosts: Hosts::any(),
            proxied: None,
            tracer: Tracer::off(),
        }
    }

    /// With a cap on the calls of an address behind a proxy.
    pub(crate) fn with_proxied_calls(mut self, calls: Option<ProxiedCalls>) -> Self {
        self.proxied = calls;
        self
    }

    /// Answers only for these hosts.
    pub(crate) fn with_hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = hosts;
        self
    }

    /// Makes each request a span.
    pub(crate) fn with_tracer(mut self, tracer: Tracer) -> Self {
        self.tracer = tracer;
        self
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
        let traced = traced::begin(&self.tracer, &request);
        let span = known.span(traced.as_ref());
        async {
            let answer = match self.admit(&request) {
                Ok(_member) => {
                    // Pinned here, because a large future would be copied at each step on its way.
                    let answer = pin!(known.answer(request, next));
                    in_span(traced.as_ref(), answer).await
                }
                Err(problem) => Err(problem.answer(known.uri.path())),
            };
            self.finish(known, answer, traced)
        }
        .instrument(span)
        .await
    }

    /// What it answers counts the call until it is dropped.
    fn admit(&self, request: &ServiceRequest) -> Result<Option<AddressMember>, Problem> {
        if !self.hosts.accept(request.head()) {
            return Err(Problem::wrong_host());
        }
        match &self.proxied {
            Some(calls) => calls.join(request.request()),
            None => Ok(None),
        }
    }

    fn finish(
        &self,
        known: Request,
        answer: Result<ServiceResponse, HttpResponse>,
        traced: Option<TraceSpan>,
    ) -> Result<ServiceResponse, Error> {
        let took = known.started.elapsed();
        let (status, route, problem) = match &answer {
            Ok(answer) => {
                let route = Route::of(answer.request());
                (answer.status(), route, Code::of(answer.response()))
            }
            Err(answer) => (answer.status(), None, Code::of(answer)),
        };
        let route = route.map(|route| route.pattern);
        self.measures.record(&known.method, route, status, took);
        if let Some(code) = problem {
            self.measures.count(code);
        }
        let answered = AnsweredCall {
            method: &known.method,
            route,
            status,
            problem,
            request_id: known.id.to_str().unwrap_or_default(),
        };
        answered.end(traced);
        tracing::debug!(
            http.method = known.method.as_str(),
            http.path = known.uri.path(),
            http.route = route,
            http.status = status.as_u16(),
            problem.code = problem.map(Code::as_str),
            duration_ms = took.as_secs_f64() * 1000.0,
            "answered"
        );
        match answer {
            Ok(mut answer) => {
                known.seal(answer.headers_mut());
                if self.draining.is_on() {
                    let head = answer.response_mut().head_mut();
                    head.set_connection_type(ConnectionType::Close);
                }
                Ok(answer)
            }
            Err(mut answer) => {
                known.seal(answer.headers_mut());
                Err(InternalError::from_response("the request was not returned", answer).into())
            }
        }
    }
}

impl Request {
    /// The start of every log line of the request. A span is formatted even if nothing is logged, so it names the
    /// request and no more.
    fn span(&self, traced: Option<&TraceSpan>) -> Span {
        let trace = traced.map(|span| span.context().trace());
        tracing::info_span!(
            "request",
            http.request_id = self.id.to_str().unwrap_or_default(),
            trace_id = trace.map(field::display),
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
