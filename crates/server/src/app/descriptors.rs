use std::{num::NonZeroUsize, thread::available_parallelism};

use lemon_http::Operations;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{debug, warn};

use super::plan::{Plan, TwitterPlan};

/// Standard streams, listening sockets, log and key files.
const BASE: usize = 32;
/// What a worker thread's runtime has open.
const PER_WORKER: usize = 8;
/// Worker threads besides those of the API: of the other ports, and of the program itself.
const OTHER_WORKERS: usize = 4;
/// A file of SQLite's, its log and its index.
const PER_SQLITE: usize = 3;
/// Connections to SQS at a time.
const SQS_CONNECTIONS: usize = 32;
/// Connections to the API at a time, where more descriptors are allowed and nothing is configured.
const DEFAULT_CONNECTIONS: usize = 4_096;
/// Connections to a port at a time at least, however few descriptors are allowed.
const FEWEST_CONNECTIONS: usize = 8;

/// How many connections each port takes at a time, so that descriptors are left for what they lean on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConnectionCaps {
    /// To the API.
    pub(crate) http: usize,
    /// To the sandbox, at most.
    pub(crate) sandbox: usize,
}

/// Raises the limit of descriptors as far as is allowed, and shares out what it allows.
pub(crate) fn share(plan: &Plan) -> ConnectionCaps {
    let allowed = raise();
    let reserve = reserve(plan);
    let connections = shared(allowed, reserve, plan);
    debug!(
        descriptors.allowed = allowed,
        descriptors.reserved = reserve,
        http.max_connections = connections.http,
        "descriptors are shared out"
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

/// The soft limit, raised to the hard one.
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
    // No limit at all is one that is never reached.
    allowed.map_or(usize::MAX / 2, |allowed| {
        usize::try_from(allowed).unwrap_or(usize::MAX / 2)
    })
}

/// Descriptors for everything but connections that others begin, and those to Twitter.
fn reserve(plan: &Plan) -> usize {
    let cores = available_parallelism().map_or(2, NonZeroUsize::get);
    let pool = usize::try_from(plan.store.max_connections).unwrap_or(usize::MAX / 8);
    let store = if plan.store.is_postgresql() {
        pool + 2
    } else {
        (pool + 2) * PER_SQLITE
    };
    let quota = if plan.quota.is_embedded() {
        2 * PER_SQLITE
    } else {
        plan.quota.pool_size + 2
    };
    let queue = if plan.queue.is_embedded() {
        2 * PER_SQLITE
    } else {
        SQS_CONNECTIONS
    };
    let workers = (cores + OTHER_WORKERS) * PER_WORKER;
    BASE + workers + store + quota + queue + Operations::MAX_CONNECTIONS
}

/// How many parts what is left has: each call to the API may make another one to Twitter.
fn parts(plan: &Plan) -> usize {
    if matches!(plan.twitter, TwitterPlan::Real(_)) {
        2
    } else {
        // Callers of the sandbox, too.
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
