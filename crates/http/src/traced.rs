//! The span of a request.

use actix_web::{
    dev::ServiceRequest,
    http::{
        Method, StatusCode,
        header::{HeaderMap, HeaderName},
    },
};
use lemon_domain::{
    traces::{SpanKind, TraceSpan, Tracer},
    values::TraceContext,
};

use crate::{measures::label, problem::Code};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// What is known about a request when its answer is.
pub(crate) struct AnsweredCall<'a> {
    pub(crate) method: &'a Method,
    pub(crate) route: Option<&'static str>,
    pub(crate) status: StatusCode,
    pub(crate) problem: Option<Code>,
    pub(crate) request_id: &'a str,
}

/// Begins the span of a request, in its caller's trace if the caller names one. What asks for methods is no call.
pub(crate) fn begin(tracer: &Tracer, request: &ServiceRequest) -> Option<TraceSpan> {
    if !tracer.is_on() || request.method() == Method::OPTIONS {
        return None;
    }
    let parent = parent(request.headers());
    tracer.begin(SpanKind::Server, "request", parent.as_ref())
}

/// The span that caused a call, if its headers are as <https://www.w3.org/TR/trace-context-1/> wants them.
fn parent(headers: &HeaderMap) -> Option<TraceContext> {
    let mut given = headers.get_all(TRACEPARENT);
    let traceparent = given.next()?.to_str().ok()?;
    if given.next().is_some() {
        return None;
    }
    let state = headers.get_all(TRACESTATE);
    let state: Result<Vec<_>, _> = state.map(|value| value.to_str()).collect();
    let state = state.ok().filter(|members| !members.is_empty());
    let state = state.map(|members| members.join(","));
    TraceContext::parse(traceparent, state.as_deref()).ok()
}

impl AnsweredCall<'_> {
    /// Ends the span. The path is not told: it is the caller's text.
    pub(crate) fn end(&self, span: Option<TraceSpan>) {
        let Some(mut span) = span else { return };
        let method = label(self.method);
        span.rename(match self.route {
            Some(route) => format!("{method} {route}"),
            None => method.to_owned(),
        });
        span.set("http.request.method", method);
        if let Some(route) = self.route {
            span.set("http.route", route);
        }
        span.set("http.response.status_code", self.status.as_u16());
        if let Some(code) = self.problem {
            span.set("problem.code", code.as_str());
        }
        span.set("http.request_id", self.request_id.to_owned());
        if self.status.is_server_error() {
            span.fail();
        }
    }
}
