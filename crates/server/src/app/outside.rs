use std::net::SocketAddr;

use lemon_domain::values::Service;
use lemon_http::Mount;

use super::{parts::Parts, running::Running};

/// The stand-ins for the outside in this process, which listen and do not serve yet. There are none if Twitter is the
/// real one, and a program that is built without the sandbox has no implementation.
pub(super) trait Outside {
    /// The address on which it listens.
    fn local_addr(&self) -> SocketAddr;

    /// The page at `/` of the API.
    fn page(&self, service: &Service) -> Mount;

    /// Runs beside the system, with at most `max_connections` connections at a time.
    fn run_beside(
        self: Box<Self>,
        parts: &Parts,
        max_connections: usize,
        running: &mut Running,
    ) -> anyhow::Result<()>;
}
