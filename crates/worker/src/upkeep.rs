use std::{sync::Arc, time::Duration};

use lemon_domain::{
    ports::{Clock, Expiring, Housekeeping},
    usecases::Quotas,
    values::Catalogue,
    with_causes,
};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

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
                _ = ticks.tick() => self.once(&stop).await,
                () = stop.cancelled() => return,
            }
        }
    }

    async fn once(&self, stop: &CancellationToken) {
        for what in Expiring::ALL {
            self.purge(what, stop).await;
        }
        for failed in self.quotas.reconcile(&self.catalogue).await {
            warn!(
                service = %failed.key.scope,
                budget = %failed.key.budget,
                error = with_causes(&failed.error),
                "a budget of the quota counter could not be reconciled"
            );
        }
    }

    /// Removes portion after portion, with room for others between them. A fault costs the other kinds nothing.
    async fn purge(&self, what: Expiring, stop: &CancellationToken) {
        let mut rows = 0;
        while !stop.is_cancelled() {
            match self.housekeeping.purge(what, self.clock.now()).await {
                Ok(purged) => {
                    rows += purged.rows;
                    if !purged.more {
                        break;
                    }
                }
                Err(error) => {
                    let what = what.as_str();
                    warn!(
                        what,
                        rows,
                        error = with_causes(&error),
                        "the purge stopped early"
                    );
                    return;
                }
            }
            tokio::task::yield_now().await;
        }
        debug!(what = what.as_str(), rows, "purged");
    }
}
