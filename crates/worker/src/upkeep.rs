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

/// Regular work in the background: it removes rows that nothing needs, and makes the quota counter agree with the
/// record.
pub struct Upkeep {
    /// Removes rows.
    pub housekeeping: Arc<dyn Housekeeping>,
    /// The quotas to correct.
    pub quotas: Arc<Quotas>,
    /// The services whose quotas they are.
    pub catalogue: Arc<Catalogue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The interval.
    pub every: Duration,
}

impl Upkeep {
    /// Works until `stop`. Failed work is tried again the next time.
    pub async fn run(&self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = ticks.tick() => self.once(&stop).await,
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

    /// Removes portion after portion, with room for others between them. A failure does not affect the other kinds.
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
