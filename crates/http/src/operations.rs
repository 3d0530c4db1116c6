use std::{fmt, future::Future, io, rc::Rc, sync::Arc, time::Duration};

use actix_web::{
    App, HttpResponse,
    dev::Server,
    middleware::from_fn,
    web::{self, Data},
};
use futures::{
    FutureExt,
    future::{BoxFuture, Shared, join_all},
};
use lemon_connections::{Limits, serve};
use lemon_domain::{BoxError, ports::IdSource};
use parking_lot::Mutex;
use serde_json::json;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    cors::Cors,
    edge::Edge,
    listener::Listener,
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

type Probe = dyn Fn() -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync;
/// A probe under way, and its error.
type SharedProbe = Shared<BoxFuture<'static, Result<(), String>>>;

/// Something that is necessary to serve anybody, such as the store.
#[derive(Clone)]
pub struct Check {
    name: &'static str,
    probe: Arc<Probe>,
    latest: Arc<Mutex<Option<SharedProbe>>>,
}

impl Check {
    /// `name` is shown to callers; the error of `probe` goes only to the log.
    pub fn new<F>(name: &'static str, probe: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        Self {
            name,
            probe: Arc::new(move || Box::pin(probe())),
            latest: Arc::default(),
        }
    }

    /// The name, if it failed.
    async fn failed(&self) -> Option<&'static str> {
        let error = match timeout(PATIENCE, self.outcome()).await {
            Ok(Ok(())) => return None,
            Ok(Err(error)) => error,
            Err(_) => "it took too long".to_owned(),
        };
        tracing::warn!(check = self.name, error, "a readiness check failed");
        Some(self.name)
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
}

pub(crate) struct OperationsState {
    checks: Vec<Check>,
    metrics: MetricsText,
}

impl Operations {
    /// Connections at a time.
    pub const MAX_CONNECTIONS: usize = 32;

    /// The process is ready if it passes every check, each within a second. A check that takes longer goes on, and is
    /// not begun a second time meanwhile.
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
        }
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
        self.serve(stop)?.await
    }

    fn serve(self, stop: CancellationToken) -> io::Result<Server> {
        let Self {
            listener,
            checks,
            metrics,
            ids,
        } = self;
        let state = Data::new(OperationsState { checks, metrics });
        serve(listener.into_socket(), &LIMITS, stop, move || {
            let edge = Rc::new(Edge::new(Cors::new(&[]), &*ids));
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
}

/// Is the process alive?
#[utoipa::path(
    get, path = "/health/live", operation_id = "live", tag = "operations",
    responses((status = OK, description = "The process lives.", body = Value, example = json!({ "status": "live" })))
)]
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "live" }))
}

/// Can people be served?
#[utoipa::path(
    get, path = "/health/ready", operation_id = "ready", tag = "operations",
    responses((status = OK, description = "Calls can be served.", body = Value, example = json!({ "status": "ready" })))
)]
pub(crate) async fn ready(state: Data<OperationsState>) -> Result<HttpResponse, Problem> {
    let checks = join_all(state.checks.iter().map(Check::failed)).await;
    let failed: Vec<_> = checks.into_iter().flatten().collect();
    if failed.is_empty() {
        Ok(HttpResponse::Ok().json(json!({ "status": "ready" })))
    } else {
        Err(Problem::not_ready(failed))
    }
}

/// Metrics, in the text format of Prometheus.
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics", tag = "operations",
    responses((status = OK, description = "The metrics.", body = String, content_type = "text/plain"))
)]
pub(crate) async fn metrics_text(state: Data<OperationsState>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body((state.metrics)())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_takes_too_long_goes_on_alone_until_its_end() {
        let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (begins, ends) = (Arc::clone(&begun), Arc::clone(&ended));
        let check = Check::new("queue", move || {
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
        assert_eq!(check.failed().await, Some("queue"));
        assert_eq!(check.failed().await, Some("queue"));
        assert_eq!(begun.load(Ordering::SeqCst), 1);
        sleep(PATIENCE).await;
        assert_eq!(ended.load(Ordering::SeqCst), 1);
        // The outcome of the probe that has ended says nothing about the present.
        assert_eq!(check.failed().await, None);
        assert_eq!(check.failed().await, None);
        assert_eq!(begun.load(Ordering::SeqCst), 3);
    }
}
