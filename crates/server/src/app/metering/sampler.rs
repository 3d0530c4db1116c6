use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use lemon_domain::{
    ports::{Clock, JobQueue, Outbox, TrainingDeadlines},
    usecases::{DirectivesInForce, Quotas, clock_skew},
    values::Catalogue,
};
use lemon_postgres::SqlStore;
use tokio::join;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::gauges;

/// How often the gauges are read: as often as Prometheus usually asks. Each port's own deadline bounds a reading.
const EVERY: Duration = Duration::from_secs(15);

/// Reads what the gauges show, whether or not somebody asks for it: an answer of `/metrics` must not wait for a store.
pub(crate) struct Sampler {
    pub(crate) store: Arc<SqlStore>,
    pub(crate) quotas: Arc<Quotas>,
    pub(crate) queue: Arc<dyn JobQueue>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) directives: Arc<DirectivesInForce>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Sampler {
    /// Reads until `stop`.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => return,
            }
            tokio::select! {
                () = self.sample() => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Reads everything at once, so that what does not answer hides nothing else.
    async fn sample(&self) {
        // First, because the others use connections themselves.
        gauges::show_pool(Some(self.store.pool_status()));
        for part in gauges::pausable(&self.catalogue) {
            gauges::show_paused(&part, self.directives.is_paused(&part));
        }
        join!(
            self.outbox(),
            self.trainings(),
            self.quotas(),
            self.queues(),
            self.clock(),
        );
    }

    async fn outbox(&self) {
        let backlog = self.store.backlog(self.clock.now()).await;
        gauges::show_backlog(known("outbox", backlog));
    }

    async fn trainings(&self) {
        for service in self.catalogue.iter() {
            let (name, now) = (&service.service_type, self.clock.now());
            // Without a deadline every unfinished training is overdue.
            let oldest = self.store.overdue(name, Duration::ZERO, None, 1, now).await;
            let age = known("trainings", oldest).map(|oldest| {
                let age = oldest.first().map(|it| it.found_at - it.announced_at);
                age.and_then(|age| age.to_std().ok()).unwrap_or_default()
            });
            gauges::show_oldest_training(name, age);
        }
    }

    async fn quotas(&self) {
        // Several services may have one shared budget.
        let mut budgets = HashMap::new();
        for service in self.catalogue.iter() {
            let mut all = service.budgets_at(self.clock.now());
            self.directives.apply(&mut all);
            budgets.extend(all.into_iter().map(|budget| (budget.key.clone(), budget)));
        }
        for (key, budget) in budgets {
            let limit = budget.limit;
            let used = known("quotas", self.quotas.usage(&[budget]).await);
            gauges::show_quota(&key, limit, used.and_then(|used| used.first().copied()));
        }
    }

    async fn queues(&self) {
        for queue in self.catalogue.queues() {
            let depth = self.queue.depth(&queue).await;
            gauges::show_depth(&queue, known("queue", depth));
        }
    }

    async fn clock(&self) {
        let skew = clock_skew(&*self.store, &*self.clock).await;
        gauges::show_clock_skew(known("clock", skew));
    }
}

/// A value, if it could be read. The readiness checks log what is unavailable.
fn known<T, E: fmt::Display>(what: &'static str, read: Result<T, E>) -> Option<T> {
    read.inspect_err(|error| debug!(what, %error, "a gauge cannot be read"))
        .ok()
}
