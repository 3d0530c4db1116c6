//! The metrics of this crate: their names, their labels, and every value that a label can have.

use std::{cell::RefCell, collections::HashMap, time::Duration};

use actix_web::http::{Method, StatusCode};
use lemon_domain::values::{BudgetKey, BudgetName, Catalogue, Scope, ServiceType};
use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

use crate::problem::Code;

const REQUESTS: &str = "lemon_http_requests_total";
const DURATIONS: &str = "lemon_http_request_duration_seconds";
const SIGN_INS: &str = "lemon_sign_ins_total";
const REGISTRATIONS: &str = "lemon_registrations_total";
const REFUSALS: &str = "lemon_quota_refusals_total";
const REDEMPTIONS: &str = "lemon_job_tickets_redeemed_total";
const PROBLEMS: &str = "lemon_http_problems_total";
const CONNECTIONS_REFUSED: &str = "lemon_http_connections_refused_total";
const DEPENDENCY_UP: &str = "lemon_dependency_up";
const READY: &str = "lemon_ready";

/// Tells the recorder what the metrics are.
pub(crate) fn describe() {
    describe_counter!(
        REQUESTS,
        "HTTP requests that were answered, by method, route and status."
    );
    describe_histogram!(
        DURATIONS,
        Unit::Seconds,
        "Time from a request's head to the head of its answer, by method and route."
    );
    describe_counter!(
        PROBLEMS,
        "Answers with a problem, by the problem's code: each kind of refusal and of failure."
    );
    describe_counter!(
        CONNECTIONS_REFUSED,
        "Connections to the API that were closed because their address had enough."
    );
    describe_counter!(SIGN_INS, "Sign-ins that were completed, by outcome.");
    describe_counter!(
        REGISTRATIONS,
        "Requests to register for a service, by service and outcome."
    );
    describe_counter!(
        REFUSALS,
        "Requests to register that a budget refused, by the budget and its scope: a service, or \"shared\"."
    );
    describe_counter!(
        REDEMPTIONS,
        "Calls of workers that redeem the ticket of a job for credentials, by outcome."
    );
    describe_gauge!(
        DEPENDENCY_UP,
        "1 if the latest readiness check of the dependency succeeded, 0 if it failed."
    );
    describe_gauge!(
        READY,
        "1 if the process was ready the last time it was checked, 0 if it was not or drains."
    );
}

/// Makes the series of what people do begin at zero.
pub(crate) fn begin(catalogue: &Catalogue) {
    for code in Code::ALL {
        problems(code).increment(0);
    }
    counter!(CONNECTIONS_REFUSED).increment(0);
    for outcome in SignInOutcome::ALL {
        count_sign_ins(outcome, 0);
    }
    for outcome in RedemptionOutcome::ALL {
        count_redemptions(outcome, 0);
    }
    for service in catalogue.iter() {
        for outcome in RegistrationOutcome::ALL {
            count_registrations(&service.service_type, outcome, 0);
        }
        for budget in std::iter::once(&service.daily).chain(&service.budgets) {
            let scope = if budget.is_shared {
                Scope::shared()
            } else {
                (&service.service_type).into()
            };
            count_refusals(&scope, &budget.name, 0);
        }
    }
}

/// Makes the series of an answer that a call may give begin at zero.
pub(crate) fn begin_answer(method: &Method, route: &str, status: StatusCode) {
    let (method, route, status) = (label(method), route.to_owned(), status.as_str().to_owned());
    let _ = counter!(REQUESTS, "method" => method, "route" => route.clone(), "status" => status);
    let _ = histogram!(DURATIONS, "method" => method, "route" => route);
}

/// The labels of a measurement. Each has few values, whatever callers send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Series {
    method: &'static str,
    route: &'static str,
    status: u16,
}

/// The metrics of requests. Each worker has its own, and keeps the handles of the series that it has seen, so that a
/// request needs no lookup in the recorder.
#[derive(Default)]
pub(crate) struct HttpMetrics {
    requests: RefCell<HashMap<Series, (Counter, Histogram)>>,
    problems: RefCell<HashMap<Code, Counter>>,
}

impl HttpMetrics {
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
        let mut known = self.requests.borrow_mut();
        let (requests, durations) = known.entry(series).or_insert_with(|| handles(series));
        requests.increment(1);
        durations.record(took);
    }

    /// Counts an answer with a problem.
    pub(crate) fn count(&self, code: Code) {
        let mut known = self.problems.borrow_mut();
        known
            .entry(code)
            .or_insert_with(|| problems(code))
            .increment(1);
    }
}

fn problems(code: Code) -> Counter {
    counter!(PROBLEMS, "code" => code.as_str())
}

/// Counts a connection that was closed because its address had enough.
pub(crate) fn connection_refused() {
    counter!(CONNECTIONS_REFUSED).increment(1);
}

fn handles(series: Series) -> (Counter, Histogram) {
    let Series {
        method,
        route,
        status,
    } = series;
    let status = status.to_string();
    (
        counter!(REQUESTS, "method" => method, "route" => route, "status" => status),
        histogram!(DURATIONS, "method" => method, "route" => route),
    )
}

pub(crate) fn label(method: &Method) -> &'static str {
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

/// How the completion of a sign-in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignInOutcome {
    SignedIn,
    /// A browser that did not get the answer got it again.
    Repeated,
    /// The person did not agree.
    Denied,
    /// The request token is unknown, used or expired.
    NotPending,
    /// The browser did not begin it.
    Foreign,
    /// Twitter refused.
    Rejected,
    /// Something that it needs failed.
    Failed,
}

impl SignInOutcome {
    const ALL: [Self; 7] = [
        Self::SignedIn,
        Self::Repeated,
        Self::Denied,
        Self::NotPending,
        Self::Foreign,
        Self::Rejected,
        Self::Failed,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::Repeated => "repeated",
            Self::Denied => "denied",
            Self::NotPending => "not_pending",
            Self::Foreign => "foreign",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }
}

/// How a request to register ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RegistrationOutcome {
    Registered,
    /// The attempt was remembered and got its answer again.
    Repeated,
    CooldownActive,
    QuotaExhausted,
    /// An operator has paused the service.
    ServicePaused,
    UnknownPerson,
    /// The caller hung up, or the deadline of the call passed, before anything was stored.
    Abandoned,
    /// Something that it needs failed.
    Failed,
}

impl RegistrationOutcome {
    const ALL: [Self; 8] = [
        Self::Registered,
        Self::Repeated,
        Self::CooldownActive,
        Self::QuotaExhausted,
        Self::ServicePaused,
        Self::UnknownPerson,
        Self::Abandoned,
        Self::Failed,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Repeated => "repeated",
            Self::CooldownActive => "cooldown_active",
            Self::QuotaExhausted => "quota_exhausted",
            Self::ServicePaused => "service_paused",
            Self::UnknownPerson => "unknown_person",
            Self::Abandoned => "abandoned",
            Self::Failed => "failed",
        }
    }
}

/// How the redemption of a ticket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RedemptionOutcome {
    Redeemed,
    /// The same job had redeemed it before.
    Repeated,
    /// It was never issued, or is another job's.
    Unknown,
    /// The job is not to be done any more.
    Void,
    Expired,
    /// The job had redeemed it as often as it may.
    Used,
    /// Something that it needs failed.
    Failed,
}

impl RedemptionOutcome {
    const ALL: [Self; 7] = [
        Self::Redeemed,
        Self::Repeated,
        Self::Unknown,
        Self::Void,
        Self::Expired,
        Self::Used,
        Self::Failed,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Redeemed => "redeemed",
            Self::Repeated => "repeated",
            Self::Unknown => "unknown",
            Self::Void => "void",
            Self::Expired => "expired",
            Self::Used => "used",
            Self::Failed => "failed",
        }
    }
}

pub(crate) fn redemption(outcome: RedemptionOutcome) {
    count_redemptions(outcome, 1);
}

fn count_redemptions(outcome: RedemptionOutcome, redemptions: u64) {
    counter!(REDEMPTIONS, "outcome" => outcome.as_str()).increment(redemptions);
}

pub(crate) fn sign_in(outcome: SignInOutcome) {
    count_sign_ins(outcome, 1);
}

pub(crate) fn registration(service: &ServiceType, outcome: RegistrationOutcome) {
    count_registrations(service, outcome, 1);
}

pub(crate) fn quota_refusal(key: &BudgetKey) {
    count_refusals(&key.scope, &key.budget, 1);
}

/// Whether a dependency passed its latest check. It is down until its first check.
pub(crate) fn dependency_up(dependency: &'static str) -> Gauge {
    gauge!(DEPENDENCY_UP, "dependency" => dependency)
}

/// Whether the process passed every check the last time. It is not ready until the first time.
pub(crate) fn ready() -> Gauge {
    gauge!(READY)
}

fn count_sign_ins(outcome: SignInOutcome, sign_ins: u64) {
    counter!(SIGN_INS, "outcome" => outcome.as_str()).increment(sign_ins);
}

fn count_registrations(service: &ServiceType, outcome: RegistrationOutcome, requests: u64) {
    counter!(REGISTRATIONS, "service" => service.to_string(), "outcome" => outcome.as_str())
        .increment(requests);
}

fn count_refusals(scope: &Scope, budget: &BudgetName, refusals: u64) {
    counter!(REFUSALS, "scope" => scope.to_string(), "budget" => budget.to_string())
        .increment(refusals);
}
