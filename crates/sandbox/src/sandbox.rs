use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_web::{
    App, Error, HttpResponse,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::{Next, from_fn},
    web,
};
use lemon_connections::{Hosts, Limits, serve};
use lemon_domain::ports::{Clock, IdSource};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    config::SandboxConfig, error::SandboxError, faults::ActedFaults, provider::OAuthProvider,
    routes,
};

/// The limits of connections.
const LIMITS: Limits = Limits {
    workers: Some(1),
    max_connections: Sandbox::MAX_CONNECTIONS,
    head: Duration::from_secs(5),
    keep_alive: Duration::from_secs(5),
    idle: Duration::from_secs(10),
    answer: Duration::from_secs(10),
    shutdown: Duration::from_secs(2),
};

/// The stand-in Twitter, ready to run.
pub struct Sandbox {
    listener: TcpListener,
    address: SocketAddr,
    url: Url,
    provider: OAuthProvider,
    limits: Limits,
    hosts: Hosts,
}

impl Sandbox {
    /// The default for connections at a time.
    pub const MAX_CONNECTIONS: usize = 1_024;

    /// Opens the port and reads the stored state.
    ///
    /// # Errors
    /// See [`SandboxError`]; each is one sentence.
    pub fn bind(
        config: SandboxConfig,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Result<Self, SandboxError> {
        let address = config.listen;
        if !address.ip().is_loopback() && !config.allow_public {
            return Err(SandboxError::NotLoopback(address));
        }
        let listen = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => SandboxError::PortInUse(address),
            _ => SandboxError::Listen { address, source },
        };
        let listener = TcpListener::bind(address).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Ok(Self {
            url: url_of(address).map_err(|error| listen(io::Error::other(error)))?,
            address,
            listener,
            limits: LIMITS,
            hosts: Hosts::of(address.ip(), &[]),
            provider: OAuthProvider::open(config, clock, ids)?,
        })
    }

    /// Sets the most connections at a time.
    #[must_use]
    pub fn with_max_connections(mut self, max_connections: usize) -> Self {
        self.limits.max_connections = max_connections;
        self
    }

    /// Sets names of this server, besides those of this machine: on a loopback address it answers for no others.
    #[must_use]
    pub fn with_hosts(mut self, names: &[String]) -> Self {
        self.hosts = Hosts::of(self.address.ip(), names);
        self
    }

    /// The address on which it listens, with the real port.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The URL for clients on this machine.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Serves until `stop`, then finishes the requests in flight.
    ///
    /// # Errors
    /// If the server fails.
    pub async fn run(self, stop: CancellationToken) -> Result<(), io::Error> {
        let provider = web::Data::new(self.provider);
        let faults = web::Data::new(ActedFaults::default());
        let hosts = self.hosts;
        let server = serve(self.listener, &self.limits, stop, move || {
            let hosts = hosts.clone();
            App::new()
                .app_data(provider.clone())
                .app_data(faults.clone())
                .configure(routes::configure)
                .wrap(from_fn(routes::act_out))
                .wrap(from_fn(move |request, next| {
                    check_host(hosts.clone(), request, next)
                }))
        })?;
        server.await
    }
}

/// Answers only calls that name a host of this server: a page of any site could agree for people otherwise.
async fn check_host(
    hosts: Hosts,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, Error> {
    if hosts.accept(request.head()) {
        return next.call(request).await;
    }
    let fault =
        "The sandbox listens on a loopback address, and answers only for names of this machine.";
    Ok(request.into_response(HttpResponse::MisdirectedRequest().body(fault)))
}

/// Replaces the unspecified address, to which clients cannot connect.
fn url_of(mut address: SocketAddr) -> Result<Url, url::ParseError> {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    Url::parse(&format!("http://{address}"))
}
