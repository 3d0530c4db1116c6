use std::{net::SocketAddr, sync::Arc};

use lemon_domain::ports::{Clock, IdSource};
use lemon_sandbox::WorkersPorts;
use lemon_system::{SystemClock, SystemIds};
use lemon_twitter::HttpTwitterClient;

use super::{
    StartError, connections, descriptors,
    plan::{Plan, TwitterPlan},
    running::Running,
    stand_ins::StandIns,
};
use crate::config::ConfigError;

/// The stand-ins without the system: a Twitter, and workers on its queues, that several replicas share.
pub(crate) struct StandAlone {
    pub(crate) address: SocketAddr,
    pub(crate) running: Running,
}

impl StandAlone {
    /// Listens on the sandbox's address and works on the configured queues.
    pub(crate) async fn start(plan: &Plan) -> Result<Self, StartError> {
        let TwitterPlan::Sandbox(sandbox) = &plan.twitter else {
            let fault = "for the stand-ins alone it is \"sandbox\"";
            return Err(ConfigError::wrong("twitter.url", fault).into());
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids: Arc<dyn IdSource> = Arc::new(SystemIds);
        let queue =
            connections::queue(&plan.queue, &plan.data_dir, &plan.catalogue, &clock, &ids).await?;
        let (stand_ins, config) = StandIns::bind(
            sandbox,
            plan.http,
            &plan.data_dir,
            Arc::clone(&clock),
            Arc::clone(&ids),
        )?;
        let client = HttpTwitterClient::connect(&config, clock).map_err(anyhow::Error::from)?;
        let client = Arc::new(client);
        let ports = || WorkersPorts {
            queue: Arc::clone(&queue),
            twitter: client.clone(),
            ids: Arc::clone(&ids),
        };
        let connections = descriptors::share(plan);
        let stand_ins = stand_ins.with_max_connections(connections.sandbox);
        let (address, mut running) = (stand_ins.local_addr(), Running::new());
        let Running { front, back } = &mut running;
        stand_ins.run(&plan.catalogue, plan.queue.visibility(), ports, front, back);
        Ok(Self { address, running })
    }
}
