use std::{io, net::SocketAddr, path::PathBuf};

/// Why the sandbox does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// Other machines can reach the address, which the configuration does not allow.
    #[error(
        "the sandbox refuses to listen on {0}: other machines may reach this address, and anybody could sign in as anybody"
    )]
    NotLoopback(SocketAddr),
    /// Another program has the port.
    #[error("the sandbox cannot listen on {0}: the port is in use")]
    PortInUse(SocketAddr),
    /// It cannot listen on the address.
    #[error("the sandbox cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Posts and revocations cannot be stored.
    #[error("the sandbox cannot use its file {}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}
