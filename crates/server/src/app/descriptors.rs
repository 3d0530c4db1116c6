use std::{num::NonZeroUsize, thread::available_parallelism};

use lemon_http::{Operations, WorkerCalls};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{debug, warn};

use super::plan::{Plan, TwitterPlan};

/// Standard streams, listening sockets, log and key files.
const BASE: usize = 32;
/// Descriptors of a worker thread's runtime.
const PER_WORKER: usize = 8;
/// Worker threads besides those of the API: for the other ports, and for the program itself.
const OTHER_WORKERS: usize = 4;
/// A SQLite file, its log and its index.
const PER_SQLITE: usize = 3;
/// Connections to SQS at a time.
const SQS_CONNECTIONS: usize = 32;
/// The default for connections to the API at a time, if the limit of descriptors allows more.
const DEFAULT_CONNECTIONS: usize = 4_096;
/// The minimum of connections to a port at a time, however few descriptors are allowed.
const FEWEST_CONNECTIONS: usize = 8;

/// The most connections of each port at a time. They leave enough descriptors for the parts that the ports depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConnectionCaps {
    /// The cap of the API.
    pub(crate) http: usize,
    /// The cap of the sandbox.
    pub(crate) sandbox: usize,
}

/// Raises the limit of descriptors as far as is allowed, and divides them among the ports.
pub(crate) fn share(plan: &Plan) -> ConnectionCaps {
    let allowed = raise();
    let reserve = reserve(plan);
    let connections = shared(allowed, reserve, plan);
    debug!(
        descriptors.allowed = allowed,
        descriptors.reserved = reserve,
        http.max_connections = connections.http,
        "file descriptors are divided among the parts"
    );
    if let Some(wanted) = plan.max_connections
        && connections.http < wanted
    {
        warn!(
            descriptors.allowed = allowed,
            http.max_connections = connections.http,
            "fewer connections to the API than configured: the limit of descriptors is too low"
        );
    } else if allowed < reserve + parts(plan) * FEWEST_CONNECTIONS {
        warn!(
            descriptors.allowed = allowed,
            descriptors.reserved = reserve,
            "the limit of descriptors is too low for this configuration"
        );
    }
    connections
}

/// Raises the soft limit to the hard one, and answers it.
fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let allowed = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    // No limit is treated as a very high one.
    allowed.map_or(usize::MAX / 2, |allowed| {
        usize::try_from(allowed).unwrap_or(usize::MAX / 2)
    })
}

/// Descriptors for everything except incoming connections and those to Twitter.
fn reserve(plan: &Plan) -> usize {
    let cores = available_parallelism().map_or(2, NonZeroUsize::get);
    let pool = usize::try_from(plan.store.max_connections()).unwrap_or(usize::MAX / 8);
    let store = if plan.store.is_postgresql() {
        pool + 2
    } else {
        (pool + 2) * PER_SQLITE
    };
    let quota = plan
        .quota
        .connections()
        .map_or(2 * PER_SQLITE, |connections| connections + 2);
    let queue = if plan.queue.is_embedded() {
        2 * PER_SQLITE
    } else {
        SQS_CONNECTIONS
    };
    let workers = (cores + OTHER_WORKERS) * PER_WORKER;
    let of_workers = match plan.job_credentials.calls {
        Some(_) => PER_WORKER + WorkerCalls::MAX_CONNECTIONS,
        None => 0,
    };
    BASE + workers + store + quota + queue + of_workers + Operations::MAX_CONNECTIONS
}

/// The number of parts into which the remaining descriptors are divided: each call to the API may make one to Twitter.
fn parts(plan: &Plan) -> usize {
    if matches!(plan.twitter, TwitterPlan::Real(_)) {
        2
    } else {
        // The sandbox accepts connections too.
        3
    }
}

fn shared(allowed: usize, reserve: usize, plan: &Plan) -> ConnectionCaps {
    let part = (allowed.saturating_sub(reserve) / parts(plan)).max(FEWEST_CONNECTIONS);
    ConnectionCaps {
        http: part.min(plan.max_connections.unwrap_or(DEFAULT_CONNECTIONS)),
        sandbox: part,
    }
}
