use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_web::{App, HttpServer, web};
use lemon_domain::ports::{Clock, IdSource};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{BindError, SandboxConfig, provider::Provider, routes};

/// The longest that a request's head may take to arrive.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest that requests in hand may take after the stop, in seconds.
const SHUTDOWN_TIMEOUT: u64 = 2;
const MAX_CONNECTIONS: usize = 4_096;

/// The stand-in Twitter, ready to run.
pub struct Sandbox {
    listener: TcpListener,
    address: SocketAddr,
    url: Url,
    provider: Provider,
}

impl Sandbox {
    /// Takes the port and reads what was kept.
    ///
    /// # Errors
    /// As [`BindError`] says: one sentence each.
    pub fn bind(
        config: SandboxConfig,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Result<Self, BindError> {
        let address = config.listen;
        if !address.ip().is_loopback() && !config.allow_public {
            return Err(BindError::NotLoopback(address));
        }
        let listen = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::PortInUse(address),
            _ => BindError::Listen { address, source },
        };
        let listener = TcpListener::bind(address).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Ok(Self {
            url: url_of(address).map_err(|error| listen(io::Error::other(error)))?,
            address,
            listener,
            provider: Provider::open(config, clock, ids)?,
        })
    }

    /// Where it listens, with the port that was taken.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The address as clients on this machine write it.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Answers until it is told to stop, then finishes what is in hand.
    ///
    /// # Errors
    /// If the server breaks down.
    pub async fn run(self, stop: CancellationToken) -> Result<(), io::Error> {
        let provider = web::Data::new(self.provider);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(provider.clone())
                .configure(routes::configure)
        })
        .workers(1)
        .max_connections(MAX_CONNECTIONS)
        .client_request_timeout(REQUEST_TIMEOUT)
        .shutdown_timeout(SHUTDOWN_TIMEOUT)
        .disable_signals()
        .listen(self.listener)?
        .run();
        tracing::warn!(address = %self.address, "the sandbox Twitter runs: anybody can sign in as anybody there");
        let handle = server.handle();
        let stopping = async move {
            stop.cancelled().await;
            handle.stop(true).await;
        };
        tokio::pin!(server, stopping);
        tokio::select! {
            ended = &mut server => ended,
            () = &mut stopping => server.await,
        }
    }
}

/// All addresses is no address to call.
fn url_of(mut address: SocketAddr) -> Result<Url, url::ParseError> {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    Url::parse(&format!("http://{address}"))
}
