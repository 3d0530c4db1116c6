use std::{future::Future, time::Duration};

use tokio::time::Instant;

use super::supervisor::Supervisor;

/// The time for work in flight after the stop. A supervisor usually kills the process after 30 s.
pub(super) const FRONT_DEADLINE: Duration = Duration::from_secs(22);
/// The time after the stop by which also the parts that the front depends on must end.
pub(super) const BACK_DEADLINE: Duration = Duration::from_secs(24);

/// Tasks that serve, in the order in which they stop.
pub(crate) struct Running {
    /// The parts that accept and do work: they stop first.
    pub(super) front: Supervisor,
    /// The parts that the front depends on: they stop last.
    pub(super) back: Supervisor,
}

impl Running {
    pub(super) fn new() -> Self {
        Self {
            front: Supervisor::new(),
            back: Supervisor::new(),
        }
    }

    /// Runs until `until` completes, or until a part ends unexpectedly, which is an error. Work in flight is finished.
    pub(crate) async fn run<T>(mut self, until: impl Future<Output = T>) -> anyhow::Result<T> {
        let ended = tokio::select! {
            done = until => Ok(done),
            error = self.front.failed() => Err(error),
            error = self.back.failed() => Err(error),
        };
        let stopped = Instant::now();
        let front = self.front.finish(stopped + FRONT_DEADLINE).await;
        let back = self.back.finish(stopped + BACK_DEADLINE).await;
        let done = ended?;
        front.and(back)?;
        Ok(done)
    }
}
