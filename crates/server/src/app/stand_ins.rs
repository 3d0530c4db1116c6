use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use lemon_domain::{
    ports::{Clock, IdSource},
    values::{Catalogue, Service},
};
use lemon_page::PageConfig;
use lemon_sandbox::{Sandbox, SandboxConfig, Workers, WorkersConfig, WorkersPorts};
use lemon_twitter::{TwitterApp, TwitterConfig};
use secrecy::ExposeSecret;
use tracing::warn;
use url::Url;

use super::{plan::SandboxPlan, supervisor::Supervisor};

/// The stand-ins for the outside, listening.
pub(crate) struct StandIns {
    sandbox: Sandbox,
    training: Duration,
}

impl StandIns {
    /// Listens. `http` is where the page is.
    pub(crate) fn bind(
        plan: &SandboxPlan,
        http: SocketAddr,
        data_dir: &Path,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> anyhow::Result<(Self, TwitterConfig)> {
        let callback_url = match &plan.callback_url {
            Some(url) => url.clone(),
            None => page_url(http)?,
        };
        let config = SandboxConfig {
            listen: plan.settings.listen,
            consumer_key: plan.consumer_key.expose_secret().to_owned(),
            consumer_secret: plan.consumer_secret.clone(),
            callback_urls: vec![callback_url.clone()],
            token_key: plan.token_key.clone(),
            state_dir: Some(data_dir.to_owned()),
            allow_public: plan.settings.anybody_may_sign_in_as_anybody,
        };
        let sandbox = Sandbox::bind(config, clock, ids)?;
        warn!(
            sandbox.address = %sandbox.local_addr(),
            "the sandbox Twitter is on: anybody can sign in as anybody"
        );
        let app = TwitterApp {
            consumer_key: plan.consumer_key.clone(),
            consumer_secret: plan.consumer_secret.clone(),
            callback_url,
        };
        let twitter = TwitterConfig::new(sandbox.url().clone(), app)
            .with_api(plan.api)
            .with_deadline(plan.deadline);
        let training = Duration::from_secs(plan.settings.training_seconds);
        Ok((Self { sandbox, training }, twitter))
    }

    /// With so many connections to the sandbox at a time.
    pub(crate) fn with_max_connections(self, max_connections: usize) -> Self {
        Self {
            sandbox: self.sandbox.with_max_connections(max_connections),
            ..self
        }
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.sandbox.local_addr()
    }

    /// The page at `/` of the API.
    pub(crate) fn page(&self, service: &Service) -> lemon_http::Mount {
        lemon_http::Mount::new(lemon_page::routes(PageConfig {
            sandbox_url: self.sandbox.url().clone(),
            training: self.training,
            service_path: service.path.as_str().to_owned(),
            service_type: service.service_type.as_str().to_owned(),
        }))
    }

    /// Runs Twitter behind, and a worker for each service in front.
    pub(crate) fn run(
        self,
        catalogue: &Catalogue,
        visibility: Duration,
        ports: impl Fn() -> WorkersPorts,
        front: &mut Supervisor,
        back: &mut Supervisor,
    ) {
        for service in catalogue.iter() {
            let config = WorkersConfig {
                train: service.queues.train.clone(),
                notify: service.queues.notify.clone(),
                delete: service.queues.delete.clone(),
                ready: service.queues.ready.clone(),
                service_type: service.service_type.clone(),
                visibility,
                training: self.training,
            };
            let workers = Workers::new(config, ports());
            let stop = front.stop();
            front.spawn(
                "stand-in workers",
                async move { Ok(workers.run(stop).await?) },
            );
        }
        let stop = back.stop();
        back.spawn("sandbox Twitter", async move {
            self.sandbox.run(stop).await.context("it cannot serve")
        });
    }
}

/// The page, as a browser on this machine reaches it.
fn page_url(http: SocketAddr) -> anyhow::Result<Url> {
    let host = match http.ip() {
        ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
        std::net::IpAddr::V4(ip) => ip.to_string(),
    };
    Url::parse(&format!("http://{host}:{}/", http.port())).context("the page has no address")
}
