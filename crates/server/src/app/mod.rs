//! The running program: every part made, wired and kept alive.

pub(crate) mod connections;
mod descriptors;
mod metering;
mod parts;
mod plan;
mod running;
mod stand_alone;
mod stand_ins;
mod supervisor;

use std::{future::Future, net::SocketAddr, sync::Arc};

use lemon_domain::ports::{Clock, IdSource};
use lemon_http::{Listener, Mount};
use lemon_system::{SystemClock, SystemIds};

pub(crate) use parts::Parts;
pub(crate) use plan::{Plan, TwitterPlan};
use running::Running;
pub(crate) use stand_alone::StandAlone;
use stand_ins::StandIns;

use crate::config::ConfigError;

/// Why the program did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The configuration is wrong: exit code 2.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Anything else: exit code 1.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

/// Where the program listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListenAddresses {
    pub(crate) http: SocketAddr,
    pub(crate) ops: SocketAddr,
    pub(crate) sandbox: Option<SocketAddr>,
}

/// Everything that runs.
pub(crate) struct App {
    addresses: ListenAddresses,
    running: Running,
}

impl App {
    /// Starts everything: first what can fail, then what serves.
    pub(crate) async fn start(plan: Plan) -> Result<Self, StartError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids: Arc<dyn IdSource> = Arc::new(SystemIds);
        let http = Listener::bind(plan.http).map_err(anyhow::Error::from)?;
        let ops = Listener::bind(plan.ops).map_err(anyhow::Error::from)?;
        let (stand_ins, twitter) = match &plan.twitter {
            TwitterPlan::Real(config) => (None, config.clone()),
            TwitterPlan::Sandbox(sandbox) => {
                let (stand_ins, config) = StandIns::bind(
                    sandbox,
                    http.local_addr(),
                    &plan.data_dir,
                    Arc::clone(&clock),
                    Arc::clone(&ids),
                )?;
                (Some(stand_ins), config)
            }
        };
        let connections = descriptors::share(&plan);
        let mut parts = Parts::connect(plan, twitter, clock, ids).await?;
        let mount = stand_ins
            .as_ref()
            .zip(parts.plan.catalogue.iter().next())
            .map_or_else(Mount::nothing, |(stand_ins, service)| {
                stand_ins.page(service)
            });
        let addresses = ListenAddresses {
            http: http.local_addr(),
            ops: ops.local_addr(),
            sandbox: stand_ins.as_ref().map(StandIns::local_addr),
        };
        let mut running = Running::new();
        let Running { front, back } = &mut running;
        parts.serve(http, connections.http, mount, front)?;
        parts.watch_disks(back);
        parts.observe(ops, back)?;
        parts.work(front);
        if let Some(stand_ins) = stand_ins {
            let catalogue = &parts.plan.catalogue;
            let stand_ins = stand_ins.with_max_connections(connections.sandbox);
            let visibility = parts.plan.queue.visibility();
            stand_ins.run(catalogue, visibility, || parts.workers_ports(), front, back);
        }
        Ok(Self { addresses, running })
    }

    pub(crate) const fn addresses(&self) -> &ListenAddresses {
        &self.addresses
    }

    /// Runs until `until` is done, or until a part ends by itself, which is an error. Work in hand is finished.
    pub(crate) async fn run<T>(self, until: impl Future<Output = T>) -> anyhow::Result<T> {
        self.running.run(until).await
    }
}
