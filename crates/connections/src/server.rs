use std::{fmt, future::ready, io, net::TcpListener, time::Duration};

use actix_http::{HttpService, KeepAlive, Protocol, Request, Response, body::MessageBody};
use actix_server::{Server, ServerBuilder};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, apply_fn_factory, fn_service,
    map_config,
};
use actix_web::{Error, dev::AppConfig};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::{
    limits::Limits,
    sliced::Sliced,
    timed::{Activity, Timed},
};

/// The minimum time that a caller has to close after an answer. The server's clock ticks each half second: it never
/// notices a deadline that has passed when it is set, and then the connection stays open.
const SHORTEST_FAREWELL: Duration = Duration::from_secs(1);

/// Serves an application, which each worker makes separately, until `stop`; then the requests in flight finish. It
/// handles no signals. Must be called within a Tokio runtime.
///
/// # Errors
/// If the limits do not fit together, or the workers cannot be started.
pub fn serve<F, I, S, B>(
    socket: TcpListener,
    limits: &Limits,
    stop: CancellationToken,
    app: F,
) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    limits.check()?;
    let limits = *limits;
    let builder = ServerBuilder::new();
    let stopping = builder.graceful_shutdown_signal();
    let builder = builder
        .workers(limits.workers())
        .max_concurrent_connections(limits.connections_per_worker())
        .shutdown_timeout(limits.shutdown.as_secs())
        .shutdown_signal(stop.cancelled_owned());
    let address = socket.local_addr()?;
    let server = builder.listen("http", socket, move || {
        let stopping = stopping.clone();
        let app = app().into_factory();
        let app = map_config(app, |()| AppConfig::default())
            .map_err(|error: S::Error| error.into().error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            // actix-web checks its timers before it reads received data, so they are off. `Timed` has its own.
            .client_request_timeout(Duration::ZERO)
            .keep_alive(KeepAlive::Os)
            .client_disconnect_timeout(limits.head.max(SHORTEST_FAREWELL))
            .local_addr(address)
            .on_connect_ext(|connection: &Timed, data| {
                data.insert(connection.activity());
            })
            .finish(apply_fn_factory(app, |request: Request, app: &_| {
                handle(app, request)
            }));
        fn_service(move |stream: TcpStream| {
            let connection = Timed::new(stream, &limits);
            let peer = connection.stream().peer_addr().ok();
            ready(Ok((connection, Protocol::Http1, peer)))
        })
        .and_then(http)
    })?;
    Ok(server.run())
}

/// Handles a request, and tells its connection that a handler runs.
fn handle<S, B>(
    app: &S,
    request: Request,
) -> impl Future<Output = Result<Response<Sliced<B>>, S::Error>> + use<S, B>
where
    S: Service<Request>,
    S::Response: Into<Response<B>>,
{
    let handler = request.conn_data().map(Activity::handler);
    let answer = app.call(request);
    async move {
        let answer = answer.await;
        drop(handler);
        Ok(answer?.into().map_body(|_, body| Sliced::new(body)))
    }
}
