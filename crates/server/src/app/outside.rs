use std::net::SocketAddr;

use lemon_domain::values::Service;
use lemon_http::Mount;

use super::{parts::Parts, running::Running};

/// What stands in for the outside, in this process: listening, and not serving yet. Where Twitter is the real one there is
/// none, and a program that is built without the sandbox knows of none.
pub(super) trait Outside {
    /// Where it listens.
    fn local_addr(&self) -> SocketAddr;

    /// The page at `/` of the API.
    fn page(&self, service: &Service) -> Mount;

    /// Runs beside the system, with so many connections at a time at most.
    fn run_beside(self: Box<Self>, parts: &Parts, max_connections: usize, running: &mut Running);
}
