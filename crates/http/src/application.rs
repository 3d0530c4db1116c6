use std::{fmt, io, pin::pin, rc::Rc, sync::Arc};

use actix_web::{
    App,
    dev::Server,
    middleware::from_fn,
    web::{self, Data, ServiceConfig},
};
use lemon_connections::{Hosts, Limits, serve_capped};
use lemon_domain::{traces::Tracer, values::InvalidValue};
use tokio::{
    runtime::Handle,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    api::Api,
    browser::BrowserCookies,
    calls,
    config::HttpConfig,
    cors::Cors,
    deadline::Carried,
    docs::{self, Docs},
    draining::Draining,
    edge::Edge,
    gates::{Gates, ProxiedCalls, address_cap},
    jwt::Tokens,
    known_profiles::KnownProfiles,
    listener::Listener,
    protection::Protection,
    route,
    silence::Silence,
    use_cases::UseCases,
};

/// Further routes on the same port, added on each worker. They set their own `Content-Security-Policy` and
/// `Cache-Control`; otherwise the API's strict ones apply.
#[derive(Clone)]
pub struct Mount(Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>);

impl Mount {
    /// Adds routes.
    pub fn new(routes: impl Fn(&mut ServiceConfig) + Send + Sync + 'static) -> Self {
        Self(Arc::new(routes))
    }

    /// Adds nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self::new(|_| {})
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mount")
    }
}

/// The API, ready to run.
pub struct Application {
    listener: Listener,
    config: HttpConfig,
    use_cases: UseCases,
    tokens: Arc<Tokens>,
    mount: Mount,
    draining: Draining,
    tracer: Tracer,
}

impl Application {
    /// Assembles the API.
    ///
    /// # Errors
    /// If the configuration of tokens is wrong: one sentence that names the fault, never a key.
    pub fn new(
        listener: Listener,
        config: HttpConfig,
        use_cases: UseCases,
        mount: Mount,
    ) -> Result<Self, InvalidValue> {
        let (clock, ids) = (Arc::clone(&use_cases.clock), Arc::clone(&use_cases.ids));
        let tokens = Arc::new(Tokens::new(&config.jwt, clock, ids)?);
        Ok(Self {
            listener,
            config,
            use_cases,
            tokens,
            mount,
            draining: Draining::default(),
            tracer: Tracer::off(),
        })
    }

    /// Sets the state of the process that answers depend on.
    #[must_use]
    pub fn with_draining(mut self, draining: Draining) -> Self {
        self.draining = draining;
        self
    }

    /// Makes each request a span, in the trace that the headers `traceparent` and `tracestate` name.
    #[must_use]
    pub fn with_tracer(mut self, tracer: Tracer) -> Self {
        self.tracer = tracer;
        self
    }

    /// The address, with the real port.
    #[must_use]
    pub const fn local_addr(&self) -> std::net::SocketAddr {
        self.listener.local_addr()
    }

    /// Issues and verifies the tokens of this API.
    #[must_use]
    pub fn tokens(&self) -> Arc<Tokens> {
        Arc::clone(&self.tokens)
    }

    /// Serves until `stop`, then finishes the calls in flight, for as long as the deadline allows. Handles no signals.
    ///
    /// # Errors
    /// If the workers cannot be started.
    pub async fn run(self, stop: CancellationToken) -> io::Result<()> {
        let deadlines = self.config.deadlines;
        let carried = Carried::on(Handle::current(), deadlines);
        let server = self.server(carried.clone(), stop.clone())?;
        let mut server = pin!(server);
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            ended = &mut server => return ended,
        }
        let end = Instant::now() + deadlines.shutdown;
        let outcome = server.await;
        // Calls whose callers hung up may still run: the workers do not wait for them.
        let _in_time = timeout_at(end, carried.finish()).await;
        outcome
    }

    /// Starts the server. Separate from `run`, so that the future of `run` may move among threads.
    fn server(self, carried: Carried, stop: CancellationToken) -> io::Result<Server> {
        let Self {
            listener,
            config,
            use_cases,
            tokens,
            mount,
            draining,
            tracer,
        } = self;
        let ids = Arc::clone(&use_cases.ids);
        let catalogue = Arc::clone(&use_cases.catalogue);
        let limits = limits(&config);
        let protection = config.protection;
        let profiles = KnownProfiles::new(
            Arc::clone(&use_cases.profiles),
            config.keep_profiles,
            protection.profile_reads,
        );
        let api = Data::new(Api {
            use_cases,
            tokens,
            gates: Gates::new(&protection),
            profiles,
            keep_profiles: config.keep_profiles,
            browser: BrowserCookies::new(config.browser, Cors::new(&config.allowed_origins)),
            deadlines: config.deadlines,
            carried,
            silence: Silence::default(),
        });
        let docs = config
            .docs
            .then(|| Docs::new(&catalogue, config.operations_port));
        let origins = config.allowed_origins;
        let hosts = hosts(&listener, &protection);
        let cap = address_cap(&protection);
        let proxied = ProxiedCalls::new(&protection);
        serve_capped(listener.into_socket(), &limits, &cap, stop, move || {
            let edge = Edge::new(Cors::new(&origins), &*ids, draining.clone());
            let edge = edge.with_hosts(hosts.clone());
            let edge = edge.with_proxied_calls(proxied.clone());
            let edge = Rc::new(edge.with_tracer(tracer.clone()));
            App::new()
                .app_data(api.clone())
                .configure(|app| calls::routes(app, &catalogue))
                .configure(|app| docs::routes(app, docs.as_ref()))
                .configure(|app| mount.0(app))
                .default_service(web::to(route::no_path))
                .wrap(from_fn(move |request, next| {
                    Rc::clone(&edge).pass(request, next)
                }))
        })
    }
}

fn limits(config: &HttpConfig) -> Limits {
    Limits {
        workers: config.workers,
        max_connections: config.max_connections,
        head: config.deadlines.request,
        keep_alive: config.deadlines.keep_alive,
        idle: config.deadlines.idle,
        answer: config.deadlines.answer,
        shutdown: config.deadlines.shutdown,
    }
}

/// The hosts for which the API answers.
fn hosts(listener: &Listener, protection: &Protection) -> Hosts {
    // A proxy on this machine passes the host on for which people call.
    if protection.proxies.are_local() {
        Hosts::any()
    } else {
        Hosts::of(listener.local_addr().ip(), &protection.hosts)
    }
}
