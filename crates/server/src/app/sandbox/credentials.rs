use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Context;
use lemon_sandbox::CredentialsCall;
use url::Url;

use crate::app::plan::Plan;

/// Where the stand-in workers redeem tickets: at the address that is given, or else where this program would answer. `None` if no
/// worker has a key.
pub(super) fn credentials_call(
    plan: &Plan,
    given: Option<&Url>,
) -> anyhow::Result<Option<CredentialsCall>> {
    let Some(calls) = &plan.job_credentials.calls else {
        return Ok(None);
    };
    let url = match given {
        Some(url) => url.clone(),
        None => Url::parse(&format!(
            "http://{}/internal/credentials",
            reachable(calls.listen)
        ))
        .context("tickets have no address")?,
    };
    let call = CredentialsCall::new(url, calls.first_key.clone());
    Ok(Some(call.context("tickets cannot be redeemed")?))
}

/// The same port, at an address that this machine can call.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
