use std::{io, net::SocketAddr, path::PathBuf};

/// Why the sandbox does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The address can be reached from other machines, which nobody allowed.
    #[error(
        "the sandbox does not listen on {0}, which other machines may reach: anybody can sign in as anybody there"
    )]
    NotLoopback(SocketAddr),
    /// Another program has the port.
    #[error("the sandbox cannot listen on {0}: the port is in use")]
    PortInUse(SocketAddr),
    /// The address cannot be taken.
    #[error("the sandbox cannot listen on {address}")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Posts and revocations cannot be kept.
    #[error("the sandbox cannot use its file {}", path.display())]
    State {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}
