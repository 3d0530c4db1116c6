use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context, anyhow};

use super::line;
use crate::{app::StartError, config::Settings};

/// How long an answer may take: longer than the checks of readiness.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the process that serves with this configuration whether it is ready, or alive.
pub(crate) async fn run(settings: &Settings, live: bool) -> Result<(), StartError> {
    let path = if live {
        "/health/live"
    } else {
        "/health/ready"
    };
    let url = format!("http://{}{path}", reachable(settings.ops.listen));
    let http = reqwest::Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .context("no HTTP client can be made")?;
    let answer = http.get(&url).send().await;
    let answer = answer.with_context(|| format!("{url} does not answer"))?;
    let status = answer.status();
    let body = answer.text().await.unwrap_or_default();
    line(status.as_str(), &body.trim_end())?;
    if status.is_success() {
        Ok(())
    } else {
        Err(anyhow!("{url} answered {status}").into())
    }
}

/// The address for a caller on this machine.
fn reachable(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    listen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_listens_everywhere_is_asked_on_this_machine() {
        for (listen, asked) in [
            ("0.0.0.0:8082", "127.0.0.1:8082"),
            ("[::]:8082", "[::1]:8082"),
            ("10.0.0.7:1", "10.0.0.7:1"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
