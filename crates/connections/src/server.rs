use std::{fmt, future::ready, io, net::TcpListener, pin::Pin, task::Poll, time::Duration};

use actix_http::{
    BoxedPayloadStream, HttpMessage, HttpService, KeepAlive, Protocol, Request, Response,
    body::MessageBody, error::DispatchError, header,
};
use actix_server::{Server, ServerBuilder};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, apply_fn_factory, fn_service,
    map_config,
};
use actix_web::{Error, dev::AppConfig};
use futures::{Stream, stream::poll_fn};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::{
    address_cap::AddressCap,
    crowd::Crowd,
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
    serve_capped(socket, limits, &AddressCap::none(), stop, app)
}

/// As [`serve`], with at most so many connections of one address.
///
/// # Errors
/// As for [`serve`].
pub fn serve_capped<F, I, S, B>(
    socket: TcpListener,
    limits: &Limits,
    cap: &AddressCap,
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
    let (limits, cap) = (*limits, cap.clone());
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
        let cap = cap.clone();
        let crowd = Crowd::new(limits.connections_per_worker());
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
            let peer = stream.peer_addr().ok();
            let joined = cap.join(peer.map(|peer| peer.ip()));
            let connection = joined.map(|member| {
                let connection = Timed::new(stream, &limits, crowd.join());
                (connection.counted(member), Protocol::Http1, peer)
            });
            // The error ends the connection, and nobody is told of it.
            let refusal = |_| DispatchError::Io(io::ErrorKind::ConnectionRefused.into());
            ready(connection.map_err(refusal))
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
    let activity = request.conn_data::<Activity>().cloned();
    let handler = activity.as_ref().map(Activity::handler);
    let request = match activity {
        Some(activity) => watched(request, activity),
        None => request,
    };
    let answer = app.call(request);
    async move {
        let answer = answer.await;
        drop(handler);
        Ok(answer?.into().map_body(|_, body| Sliced::new(body)))
    }
}

/// Tells the connection whether a request's body is at its end. Only the end of a chunked one is waited for after the
/// answer: after another that was not read, the server closes.
fn watched(mut request: Request, activity: Activity) -> Request {
    let is_chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    activity.expects_more(is_chunked);
    if !is_chunked {
        return request;
    }
    let mut body = request.take_payload();
    let body = poll_fn(move |context| {
        let read = Pin::new(&mut body).poll_next(context);
        if matches!(read, Poll::Ready(None)) {
            activity.expects_more(false);
        }
        read
    });
    let payload: BoxedPayloadStream = Box::pin(body);
    let (request, _) = request.replace_payload(payload.into());
    request
}
