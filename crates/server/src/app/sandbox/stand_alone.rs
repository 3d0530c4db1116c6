use std::{net::SocketAddr, sync::Arc};

use lemon_domain::ports::{Clock, IdSource};
use lemon_sandbox::WorkersPorts;
use lemon_system::{SystemClock, SystemIds};
use lemon_twitter::HttpTwitterClient;

use super::{credentials::credentials_call, stand_ins::StandIns};
use crate::{
    app::{
        StartError, descriptors,
        outside::Outside,
        plan::{Plan, TwitterPlan},
        running::Running,
    },
    config::ConfigError,
};

/// The stand-ins without the system: a Twitter, and workers on the system's queues, unless they are left out. Several replicas
/// share them.
pub(crate) struct StandAlone {
    pub(crate) address: SocketAddr,
    pub(crate) running: Running,
}

impl StandAlone {
    /// Listens on the sandbox's address and works on the configured queues. Without workers, it does not use the queues.
    pub(crate) async fn start(plan: &Plan) -> Result<Self, StartError> {
        let TwitterPlan::Sandbox(sandbox) = &plan.twitter else {
            let fault = "to run the stand-ins alone it must be \"sandbox\"";
            return Err(ConfigError::wrong("twitter.url", fault).into());
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids: Arc<dyn IdSource> = Arc::new(SystemIds);
        let queue = if sandbox.settings.workers {
            let queue = plan.patience.wait_for("queue", async || {
                plan.queue.connect(&plan.catalogue, &clock, &ids).await
            });
            Some(queue.await?.0)
        } else {
            None
        };
        let (stand_ins, config) = StandIns::bind(
            sandbox,
            plan.http,
            &plan.protection.hosts,
            &plan.data_dir,
            Arc::clone(&clock),
            Arc::clone(&ids),
        )?;
        let client = HttpTwitterClient::connect(&config, clock).map_err(anyhow::Error::from)?;
        let client = Arc::new(client);
        let connections = descriptors::share(plan);
        let (address, mut running) = (stand_ins.local_addr(), Running::new());
        if let Some(queue) = queue {
            let credentials = credentials_call(plan, sandbox.settings.credentials_url.as_ref())?;
            let ports = || WorkersPorts {
                queue: Arc::clone(&queue),
                twitter: client.clone(),
                ids: Arc::clone(&ids),
                credentials: credentials.clone(),
            };
            let visibility = plan.queue.visibility();
            stand_ins.run_workers(&plan.catalogue, visibility, ports, &mut running);
        }
        stand_ins.run_twitter(connections.sandbox, &mut running);
        Ok(Self { address, running })
    }
}
