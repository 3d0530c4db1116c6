//! What workers call: credentials for the ticket of a job.

mod body;
mod keys;

use std::{fmt, io, net::SocketAddr, rc::Rc, sync::Arc, time::Duration};

use actix_web::{
    App, HttpRequest, HttpResponse,
    dev::Server,
    http::{Method, StatusCode},
    middleware::from_fn,
    web::{self, Data, Payload},
};
use lemon_connections::{Hosts, Limits, serve};
use lemon_domain::{
    ports::IdSource,
    usecases::{RedeemError, RedeemedTicket, Redeeming, TicketOfJob},
};
use tokio_util::sync::CancellationToken;

use self::body::CredentialsBody;
pub use self::keys::{WorkerKeyFault, WorkerKeys};
use crate::{
    cors::Cors,
    deadline::within,
    draining::Draining,
    edge::Edge,
    extract::json_within,
    facts,
    listener::Listener,
    measures,
    problem::Problem,
    route::{self, Route},
};

const CREDENTIALS: Route = Route {
    pattern: "/internal/credentials",
    allow: "POST",
};

/// How long a body may take to arrive, and then the store to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The limits for connections to this port. Callers have a key, and a worker may keep its connection between two jobs.
const LIMITS: Limits = Limits {
    workers: Some(1),
    max_connections: WorkerCalls::MAX_CONNECTIONS,
    head: Duration::from_secs(5),
    keep_alive: Duration::from_secs(75),
    idle: Duration::from_secs(80),
    answer: Duration::from_secs(10),
    shutdown: PATIENCE,
};

/// The calls of workers, on a port of their own.
pub struct WorkerCalls {
    listener: Listener,
    keys: WorkerKeys,
    redeeming: Arc<Redeeming>,
    ids: Arc<dyn IdSource>,
    hosts: Vec<String>,
}

struct WorkerCallsState {
    keys: WorkerKeys,
    redeeming: Arc<Redeeming>,
}

impl WorkerCalls {
    /// Connections at a time.
    pub const MAX_CONNECTIONS: usize = 256;

    /// Answers who brings one of the keys.
    pub fn new(
        listener: Listener,
        keys: WorkerKeys,
        redeeming: Arc<Redeeming>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        Self {
            listener,
            keys,
            redeeming,
            ids,
            hosts: Vec::new(),
        }
    }

    /// Sets names of this server, besides those of this machine: on a loopback address it answers for no others.
    #[must_use]
    pub fn with_hosts(mut self, hosts: Vec<String>) -> Self {
        self.hosts = hosts;
        self
    }

    /// The address, with the real port.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// Serves until `stop`. Handles no signals.
    ///
    /// # Errors
    /// If the worker thread cannot be started.
    pub async fn run(self, stop: CancellationToken) -> io::Result<()> {
        let hosts = Hosts::of(self.listener.local_addr().ip(), &self.hosts);
        let state = Data::new(WorkerCallsState {
            keys: self.keys,
            redeeming: self.redeeming,
        });
        serve_at(self.listener, hosts, self.ids, state, stop)?.await
    }
}

impl fmt::Debug for WorkerCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WorkerCalls")
            .field(&self.local_addr())
            .finish()
    }
}

/// Makes the series of the answers begin at zero, except for what is refused before a call is read.
pub(crate) fn begin_answers() {
    for status in [
        StatusCode::OK,
        StatusCode::BAD_REQUEST,
        StatusCode::UNAUTHORIZED,
        StatusCode::NOT_FOUND,
        StatusCode::GONE,
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::SERVICE_UNAVAILABLE,
    ] {
        measures::begin_answer(&Method::POST, CREDENTIALS.pattern, status);
    }
}

/// Starts the server. Separate from `run`, so that the future of `run` may move among threads.
fn serve_at(
    listener: Listener,
    hosts: Hosts,
    ids: Arc<dyn IdSource>,
    state: Data<WorkerCallsState>,
    stop: CancellationToken,
) -> io::Result<Server> {
    serve(listener.into_socket(), &LIMITS, stop, move || {
        let edge = Edge::new(Cors::new(&[]), &*ids, Draining::default());
        let edge = Rc::new(edge.with_hosts(hosts.clone()));
        App::new()
            .app_data(state.clone())
            .service(CREDENTIALS.resource().route(web::post().to(credentials)))
            .default_service(web::to(route::no_path))
            .wrap(from_fn(move |request, next| {
                Rc::clone(&edge).pass(request, next)
            }))
    })
}

/// Gives a worker the credentials for its job. The key is checked before the body is read.
async fn credentials(
    request: HttpRequest,
    payload: Payload,
    state: Data<WorkerCallsState>,
) -> Result<HttpResponse, Problem> {
    state
        .keys
        .check(&request)
        .inspect_err(|_| facts::stranger_at_worker_calls())?;
    let of_job: TicketOfJob = json_within(&request, payload.into_inner(), PATIENCE).await?;
    let redeemed = in_time(&of_job, state.redeeming.redeem(&of_job)).await?;
    Ok(HttpResponse::Ok().json(CredentialsBody::from(&redeemed)))
}

/// Waits for a redemption until the deadline. What becomes of it is a fact, also if that is not known in time.
async fn in_time(
    of_job: &TicketOfJob,
    redemption: impl Future<Output = Result<RedeemedTicket, RedeemError>>,
) -> Result<RedeemedTicket, Problem> {
    let outcome = within(PATIENCE, redemption).await;
    facts::redemption(of_job, outcome.as_ref().ok());
    Ok(outcome??)
}

#[cfg(test)]
mod tests;
