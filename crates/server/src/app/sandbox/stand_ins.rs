use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use lemon_domain::{
    ports::{Clock, IdSource},
    values::{Catalogue, Service},
};
use lemon_http::Mount;
use lemon_page::PageConfig;
use lemon_sandbox::{Sandbox, SandboxConfig, Workers, WorkersConfig, WorkersPorts};
use lemon_twitter::{TwitterApp, TwitterConfig};
use secrecy::ExposeSecret;
use tracing::warn;
use url::Url;

use super::{credentials::credentials_call, plan::SandboxPlan};
use crate::app::{outside::Outside, parts::Parts, running::Running};

/// The stand-ins for the outside, which listen already.
pub(in crate::app) struct StandIns {
    sandbox: Sandbox,
    /// Whether there are workers, too.
    workers: bool,
    training: Duration,
    /// The page's address, if people come back to it.
    home: Option<Url>,
    /// Where the workers redeem tickets, if that is configured.
    credentials_url: Option<Url>,
}

impl StandIns {
    /// Listens. `http` is the address of the page.
    pub(in crate::app) fn bind(
        plan: &SandboxPlan,
        http: SocketAddr,
        hosts: &[String],
        data_dir: &Path,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> anyhow::Result<(Self, TwitterConfig)> {
        if plan.names_origins && plan.callback_url.is_none() {
            warn!(
                "twitter.callback_url is not set: people come back to the page of this program, not to the web app of \
                 http.allowed_origins"
            );
        }
        let callback_url = match &plan.callback_url {
            Some(url) => url.clone(),
            None => page_url(http)?,
        };
        let home = plan.callback_url.is_none().then(|| callback_url.clone());
        let config = SandboxConfig {
            listen: plan.settings.listen,
            consumer_key: plan.consumer_key.expose_secret().to_owned(),
            consumer_secret: plan.consumer_secret.clone(),
            callback_urls: vec![callback_url.clone()],
            token_key: plan.token_key.clone(),
            state_dir: Some(data_dir.to_owned()),
            allow_public: plan.settings.anybody_may_sign_in_as_anybody,
        };
        let sandbox = Sandbox::bind(config, clock, ids)?.with_hosts(hosts);
        warn!(
            sandbox.address = %sandbox.local_addr(),
            "the sandbox's Twitter is on: anybody can sign in as anybody"
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
        let workers = plan.settings.workers;
        let stand_ins = Self {
            sandbox,
            workers,
            training,
            home,
            credentials_url: plan.settings.credentials_url.clone(),
        };
        Ok((stand_ins, twitter))
    }

    /// Runs a worker for each service in front.
    pub(super) fn run_workers(
        &self,
        catalogue: &Catalogue,
        visibility: Duration,
        ports: impl Fn() -> WorkersPorts,
        running: &mut Running,
    ) {
        let front = &mut running.front;
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
    }

    /// Runs Twitter in the back, with at most `max_connections` connections at a time.
    pub(super) fn run_twitter(self, max_connections: usize, running: &mut Running) {
        let back = &mut running.back;
        let max_connections = max_connections.min(Sandbox::MAX_CONNECTIONS);
        let sandbox = self.sandbox.with_max_connections(max_connections);
        let stop = back.stop();
        back.spawn("sandbox Twitter", async move {
            sandbox.run(stop).await.context("it cannot serve")
        });
    }
}

impl Outside for StandIns {
    fn local_addr(&self) -> SocketAddr {
        self.sandbox.local_addr()
    }

    fn page(&self, service: &Service) -> Mount {
        Mount::new(lemon_page::routes(PageConfig {
            sandbox_url: self.sandbox.url().clone(),
            home: self.home.clone(),
            training: self.training,
            service_path: service.path.as_str().to_owned(),
            service_type: service.service_type.as_str().to_owned(),
        }))
    }

    fn run_beside(
        self: Box<Self>,
        parts: &Parts,
        max_connections: usize,
        running: &mut Running,
    ) -> anyhow::Result<()> {
        let plan = &parts.plan;
        let credentials = credentials_call(plan, self.credentials_url.as_ref())?;
        let of_workers = || WorkersPorts {
            queue: Arc::clone(&parts.queue),
            twitter: Arc::clone(&parts.twitter),
            ids: Arc::clone(&parts.ids),
            credentials: credentials.clone(),
        };
        if self.workers {
            let visibility = plan.queue.visibility();
            self.run_workers(&plan.catalogue, visibility, of_workers, running);
        } else if plan.queue.is_embedded() {
            warn!(
                "there are no workers, and the embedded queue has no others: name an SQS in queue.url"
            );
        }
        self.run_twitter(max_connections, running);
        Ok(())
    }
}

/// The address of the page for a browser on this machine.
fn page_url(http: SocketAddr) -> anyhow::Result<Url> {
    let host = match http.ip() {
        ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
        std::net::IpAddr::V4(ip) => ip.to_string(),
    };
    Url::parse(&format!("http://{host}:{}/", http.port())).context("the page has no address")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::running::FRONT_DEADLINE;

    #[test]
    fn the_workers_stop_before_the_front_is_given_up() {
        let slack = Duration::from_millis(500);
        assert!(Workers::STOP_WITHIN + slack <= FRONT_DEADLINE);
    }
}
