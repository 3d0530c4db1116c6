use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A port that only this machine can reach.
pub(super) const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}
