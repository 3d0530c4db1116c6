use std::{sync::Arc, time::Duration};

use lemon_domain::{
    ports::{Clock, Housekeeping},
    usecases::Quotas,
    values::Catalogue,
};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::chain::chain;

/// Regular work that nobody asks for: removal of what nothing needs, and a quota counter that agrees with the record.
pub struct Upkeep {
    /// What removes.
    pub housekeeping: Arc<dyn Housekeeping>,
    /// What is set right.
    pub quotas: Arc<Quotas>,
    /// Whose quotas.
    pub catalogue: Arc<Catalogue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How often.
    pub every: Duration,
}

impl Upkeep {
    /// Works until `stop`. What fails is tried again the next time.
    pub async fn run(&self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => self.once().await,
                () = stop.cancelled() => return,
            }
        }
    }

    async fn once(&self) {
        match self.housekeeping.purge(self.clock.now()).await {
            Ok(purged) => debug!(
                pending_sign_ins = purged.pending_sign_ins,
                uses = purged.uses,
                places = purged.places,
                "purged"
            ),
            Err(error) => warn!(error = chain(&error), "nothing could be purged"),
        }
        if let Err(error) = self.quotas.reconcile(&self.catalogue).await {
            warn!(
                error = chain(&error),
                "the quota counter could not be reconciled"
            );
        }
    }
}
