use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A port of this machine, for nobody else.
pub(super) const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}
