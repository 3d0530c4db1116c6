use std::{cell::RefCell, collections::HashMap, time::Duration};

use actix_web::http::{Method, StatusCode};
use metrics::{Counter, Histogram, counter, describe_counter, describe_histogram, histogram};

/// The labels of a measurement. Each has few values, whatever callers send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Series {
    method: &'static str,
    route: &'static str,
    status: u16,
}

/// `http_requests_total` and `http_request_duration_seconds`. Each worker has its own, and keeps the handles of the
/// series that it has seen, so that a request needs no lookup in the recorder.
#[derive(Default)]
pub(crate) struct HttpMetrics(RefCell<HashMap<Series, (Counter, Histogram)>>);

impl HttpMetrics {
    /// Tells the recorder what the metrics are.
    pub(crate) fn describe() {
        describe_counter!("http_requests_total", "Requests answered.");
        describe_histogram!(
            "http_request_duration_seconds",
            metrics::Unit::Seconds,
            "From a request's head to the head of its answer."
        );
    }

    pub(crate) fn record(
        &self,
        method: &Method,
        route: Option<&'static str>,
        status: StatusCode,
        took: Duration,
    ) {
        let series = Series {
            method: label(method),
            route: route.unwrap_or("other"),
            status: status.as_u16(),
        };
        let mut known = self.0.borrow_mut();
        let (requests, durations) = known.entry(series).or_insert_with(|| handles(series));
        requests.increment(1);
        durations.record(took);
    }
}

fn handles(series: Series) -> (Counter, Histogram) {
    let Series {
        method,
        route,
        status,
    } = series;
    let status = status.to_string();
    (
        counter!("http_requests_total", "method" => method, "route" => route, "status" => status),
        histogram!("http_request_duration_seconds", "method" => method, "route" => route),
    )
}

fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
