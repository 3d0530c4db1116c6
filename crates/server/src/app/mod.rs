//! The running program: makes, connects and supervises every part.

mod connections;
mod descriptors;
mod follower;
mod job_credentials;
mod listeners;
mod metering;
mod outside;
mod partial;
mod parts;
mod plan;
mod presence;
mod revoked;
mod running;
#[cfg(feature = "sandbox")]
mod sandbox;
mod sealing;
mod supervisor;
#[cfg(feature = "traces")]
mod traces;
#[cfg(not(feature = "sandbox"))]
mod without_sandbox;
#[cfg(not(feature = "traces"))]
mod without_traces;

use std::{future::Future, net::SocketAddr, sync::Arc};

use lemon_domain::ports::{Clock, IdSource};
use lemon_http::{Draining, Listener, Mount};
use lemon_system::{SystemClock, SystemIds};
use tracing::warn;

pub(crate) use connections::{Patience, QueuePlan, StorePlan};
use listeners::Listeners;
use outside::Outside;
pub(crate) use partial::{
    ImportPlan, PeoplePlan, queues_alone, store_alone, store_and_keys, store_and_services,
};
pub(crate) use parts::Parts;
pub(crate) use plan::{Plan, TwitterPlan};
use running::Running;
#[cfg(feature = "sandbox")]
pub(crate) use sandbox::StandAlone;

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

/// The addresses on which the program listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListenAddresses {
    pub(crate) http: SocketAddr,
    pub(crate) ops: SocketAddr,
    pub(crate) sandbox: Option<SocketAddr>,
    /// Where workers call.
    pub(crate) workers: Option<SocketAddr>,
}

/// Everything that runs.
pub(crate) struct App {
    addresses: ListenAddresses,
    draining: Draining,
    running: Running,
}

impl App {
    /// Starts everything: first the steps that can fail, then the servers.
    pub(crate) async fn start(plan: Plan) -> Result<Self, StartError> {
        metering::begin(&plan.catalogue)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids: Arc<dyn IdSource> = Arc::new(SystemIds);
        let (listeners, plan) = Listeners::bind(plan)?;
        let Listeners { http, ops, workers } = listeners;
        let (outside, twitter): (Option<Box<dyn Outside>>, _) = match &plan.twitter {
            TwitterPlan::Real(config) => (None, config.clone()),
            #[cfg(feature = "sandbox")]
            TwitterPlan::Sandbox(sandbox) => {
                let (stand_ins, config) = sandbox::StandIns::bind(
                    sandbox,
                    http.local_addr(),
                    &plan.protection.hosts,
                    &plan.data_dir,
                    Arc::clone(&clock),
                    Arc::clone(&ids),
                )?;
                (Some(Box::new(stand_ins)), config)
            }
        };
        for key in plan.unshared() {
            warn!(
                config.key = key,
                "this part works for one replica only: another replica would not share it"
            );
        }
        let connections = descriptors::share(&plan);
        let mut parts = Parts::connect(plan, twitter, clock, ids).await?;
        let mount = outside
            .as_ref()
            .zip(parts.plan.catalogue.iter().next())
            .map_or_else(Mount::nothing, |(outside, service)| outside.page(service));
        let addresses = ListenAddresses {
            http: http.local_addr(),
            ops: ops.local_addr(),
            sandbox: outside.as_ref().map(|outside| outside.local_addr()),
            workers: workers.as_ref().map(Listener::local_addr),
        };
        let mut running = Running::new();
        let Running { front, back } = &mut running;
        #[cfg(feature = "traces")]
        parts.trace(back)?;
        parts.show_presence(back).await;
        parts.serve(http, connections.http, mount, front)?;
        parts.watch_disks(back);
        parts.follow_directives(back);
        parts.follow_revocations(back);
        parts.observe(ops, back)?;
        parts.work(front);
        if let Some(workers) = workers {
            parts.answer_workers(workers, front);
        }
        if let Some(outside) = outside {
            outside.run_beside(&parts, connections.sandbox, &mut running)?;
        }
        Ok(Self {
            addresses,
            draining: parts.draining,
            running,
        })
    }

    /// The state that a load balancer is told.
    pub(crate) fn draining(&self) -> Draining {
        self.draining.clone()
    }

    pub(crate) const fn addresses(&self) -> &ListenAddresses {
        &self.addresses
    }

    /// Runs until `until` completes, or until a part ends unexpectedly, which is an error. Work in flight is finished.
    pub(crate) async fn run<T>(self, until: impl Future<Output = T>) -> anyhow::Result<T> {
        self.running.run(until).await
    }
}
