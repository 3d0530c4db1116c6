use std::{convert::Infallible, fmt, future::Future, io, rc::Rc, sync::Arc, time::Duration};

use actix_web::{
    App, HttpRequest, HttpResponse,
    dev::Server,
    middleware::from_fn,
    web::{self, Data},
};
use futures::{
    FutureExt,
    future::{BoxFuture, Shared, join_all},
};
use lemon_connections::{Hosts, Limits, serve};
use lemon_domain::{BoxError, ports::IdSource};
use metrics::Gauge;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::json;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use crate::{
    cors::Cors,
    draining::Draining,
    edge::Edge,
    encoding::compressed,
    listener::Listener,
    measures,
    problem::Problem,
    route::{self, Route, get},
};

const LIVE: Route = Route {
    pattern: "/health/live",
    allow: "GET, HEAD",
};
const READY: Route = Route {
    pattern: "/health/ready",
    allow: "GET, HEAD",
};
const METRICS: Route = Route {
    pattern: "/metrics",
    allow: "GET, HEAD",
};

/// How long a check may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the checks are made for the metrics, also if nobody asks whether the process is ready.
const WATCH: Duration = Duration::from_secs(10);

/// The limits for connections to this port. Callers are few, near, and always the same, and those that wait for health
/// wait for seconds.
const LIMITS: Limits = Limits {
    workers: Some(1),
    max_connections: Operations::MAX_CONNECTIONS,
    head: Duration::from_secs(2),
    keep_alive: Duration::from_secs(2),
    idle: Duration::from_secs(4),
    answer: Duration::from_secs(10),
    shutdown: PATIENCE,
};

/// The metrics in the text format of Prometheus.
pub type MetricsText = Arc<dyn Fn() -> String + Send + Sync>;

/// What the failure of a part means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Importance {
    /// This process can serve nobody.
    Required,
    /// Some calls fail, in each replica alike.
    Shared,
}

type Probe = dyn Fn() -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync;
/// A probe under way, and its error.
type SharedProbe = Shared<BoxFuture<'static, Result<(), String>>>;

/// A part whose state is shown to a load balancer.
#[derive(Clone)]
pub struct Check {
    name: &'static str,
    importance: Importance,
    probe: Arc<Probe>,
    latest: Arc<Mutex<Option<SharedProbe>>>,
    up: Gauge,
}

impl Check {
    /// A part without which the process can serve nobody, such as the store. `name` is shown to callers; the error of
    /// `probe` goes only to the log.
    pub fn required<F>(name: &'static str, probe: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        Self::new(name, Importance::Required, probe)
    }

    /// A part that all replicas share, and that some calls do without. Its failure is shown, but the process stays
    /// ready: other replicas could not serve the failing calls either, and nobody could serve the others.
    pub fn shared<F>(name: &'static str, probe: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        Self::new(name, Importance::Shared, probe)
    }

    fn new<F>(
        name: &'static str,
        importance: Importance,
        probe: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        Self {
            name,
            importance,
            probe: Arc::new(move || Box::pin(probe())),
            latest: Arc::default(),
            up: measures::dependency_up(name),
        }
    }

    /// The check itself, if it failed.
    async fn failed(&self) -> Option<&Self> {
        let error = match timeout(PATIENCE, self.outcome()).await {
            Ok(Ok(())) => {
                self.up.set(1.0);
                return None;
            }
            Ok(Err(error)) => error,
            Err(_) => "the check took too long".to_owned(),
        };
        self.up.set(0.0);
        tracing::warn!(check = self.name, error, "a readiness check failed");
        Some(self)
    }

    /// The outcome of the probe that is under way, or of a new one.
    ///
    /// A probe goes on to its end even if nobody waits any more: its own limits end it, and only when they are reached
    /// is a dead connection detected and replaced.
    fn outcome(&self) -> SharedProbe {
        let mut latest = self.latest.lock();
        if let Some(outcome) = latest.as_ref().filter(|outcome| outcome.peek().is_none()) {
            return outcome.clone();
        }
        let probe = tokio::spawn((self.probe)());
        let outcome = async move {
            match probe.await {
                Ok(outcome) => outcome.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            }
        };
        let outcome = outcome.boxed().shared();
        tokio::spawn(outcome.clone());
        latest.insert(outcome).clone()
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Check").field(&self.name).finish()
    }
}

/// Health and metrics, on a port of their own.
pub struct Operations {
    listener: Listener,
    checks: Vec<Check>,
    metrics: MetricsText,
    ids: Arc<dyn IdSource>,
    draining: Draining,
    hosts: Vec<String>,
}

pub(crate) struct OperationsState {
    checks: Vec<Check>,
    metrics: MetricsText,
    draining: Draining,
}

/// What a ready process says of itself.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "status": "ready", "degraded": ["queue"] }))]
pub(crate) struct Readiness {
    /// `ready`.
    status: &'static str,
    /// The shared parts that do not answer: calls that need them fail.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    degraded: Vec<&'static str>,
}

impl Operations {
    /// Connections at a time.
    pub const MAX_CONNECTIONS: usize = 32;

    /// The process is ready if it passes every required check, each within a second. A check that takes longer goes on,
    /// and is not begun a second time meanwhile.
    pub fn new(
        listener: Listener,
        checks: Vec<Check>,
        metrics: MetricsText,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        Self {
            listener,
            checks,
            metrics,
            ids,
            draining: Draining::default(),
            hosts: Vec::new(),
        }
    }

    /// Sets names of this server, besides those of this machine: on a loopback address it answers for no others.
    #[must_use]
    pub fn with_hosts(mut self, hosts: Vec<String>) -> Self {
        self.hosts = hosts;
        self
    }

    /// Sets the state of the process: while it drains, it is not ready.
    #[must_use]
    pub fn with_draining(mut self, draining: Draining) -> Self {
        self.draining = draining;
        self
    }

    /// The address, with the real port.
    #[must_use]
    pub const fn local_addr(&self) -> std::net::SocketAddr {
        self.listener.local_addr()
    }

    /// Serves until `stop`. Handles no signals.
    ///
    /// # Errors
    /// If the worker cannot be started.
    pub async fn run(self, stop: CancellationToken) -> io::Result<()> {
        let state = Data::new(OperationsState {
            checks: self.checks,
            metrics: self.metrics,
            draining: self.draining,
        });
        let hosts = Hosts::of(self.listener.local_addr().ip(), &self.hosts);
        let server = serve_at(self.listener, hosts, self.ids, state.clone(), stop)?;
        tokio::select! {
            ended = server => ended,
            never = state.watch() => match never {},
        }
    }
}

/// Starts the server. Separate from `run`, so that the future of `run` may move among threads.
fn serve_at(
    listener: Listener,
    hosts: Hosts,
    ids: Arc<dyn IdSource>,
    state: Data<OperationsState>,
    stop: CancellationToken,
) -> io::Result<Server> {
    serve(listener.into_socket(), &LIMITS, stop, move || {
        let edge = Edge::new(Cors::new(&[]), &*ids, Draining::default());
        let edge = Rc::new(edge.with_hosts(hosts.clone()));
        App::new()
            .app_data(state.clone())
            .service(LIVE.resource().route(get().to(live)))
            .service(READY.resource().route(get().to(ready)))
            .service(METRICS.resource().route(get().to(metrics_text)))
            .default_service(web::to(route::no_path))
            .wrap(from_fn(move |request, next| {
                Rc::clone(&edge).pass(request, next)
            }))
    })
}

impl OperationsState {
    /// The names of the shared parts that do not answer, if the process is ready. The metrics show the outcome.
    async fn readiness(&self) -> Result<Vec<&'static str>, Problem> {
        let outcome = self.check().await;
        measures::ready().set(if outcome.is_ok() { 1.0 } else { 0.0 });
        outcome
    }

    async fn check(&self) -> Result<Vec<&'static str>, Problem> {
        if self.draining.is_on() {
            return Err(Problem::draining());
        }
        let checks = join_all(self.checks.iter().map(Check::failed)).await;
        let failed: Vec<_> = checks.into_iter().flatten().collect();
        let names = failed.iter().map(|check| check.name).collect();
        if failed
            .iter()
            .any(|check| check.importance == Importance::Required)
        {
            return Err(Problem::not_ready(names));
        }
        Ok(names)
    }

    /// Checks again and again, so that the metrics show the state also if nobody asks for it.
    async fn watch(&self) -> Infallible {
        loop {
            let _shown = self.readiness().await;
            tokio::time::sleep(WATCH).await;
        }
    }
}

/// Is the process alive?
#[utoipa::path(
    get, path = "/health/live", operation_id = "live", tag = "operations",
    responses((status = OK, description = "The process is alive.", body = Value, example = json!({ "status": "live" })))
)]
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "live" }))
}

/// Can people be served?
///
/// This is about the process itself. Parts that all replicas share stand in `degraded` when they do not answer. A process
/// that was told to stop answers `draining`.
#[utoipa::path(
    get, path = "/health/ready", operation_id = "ready", tag = "operations",
    responses((status = OK, description = "Calls can be served.", body = Readiness))
)]
pub(crate) async fn ready(state: Data<OperationsState>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(Readiness {
        status: "ready",
        degraded: state.readiness().await?,
    }))
}

/// Metrics, in the text format of Prometheus.
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics", tag = "operations",
    responses((status = OK, description = "The metrics.", body = String, content_type = "text/plain"))
)]
pub(crate) async fn metrics_text(
    request: HttpRequest,
    state: Data<OperationsState>,
) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer.content_type("text/plain; version=0.0.4; charset=utf-8");
    compressed(&request, &mut answer, (state.metrics)())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_takes_too_long_is_not_started_again_before_its_end() {
        let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (begins, ends) = (Arc::clone(&begun), Arc::clone(&ended));
        let check = Check::shared("queue", move || {
            let ends = Arc::clone(&ends);
            let is_first = begins.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                if is_first {
                    sleep(PATIENCE * 5 / 2).await;
                }
                ends.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
        });
        assert!(check.failed().await.is_some());
        assert!(check.failed().await.is_some());
        assert_eq!(begun.load(Ordering::SeqCst), 1);
        sleep(PATIENCE).await;
        assert_eq!(ended.load(Ordering::SeqCst), 1);
        // The outcome of the probe that has ended says nothing about the present.
        assert!(check.failed().await.is_none());
        assert!(check.failed().await.is_none());
        assert_eq!(begun.load(Ordering::SeqCst), 3);
    }
}
