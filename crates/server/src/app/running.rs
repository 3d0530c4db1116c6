use std::{future::Future, time::Duration};

use tokio::time::Instant;

use super::supervisor::Supervisor;

/// How long work in hand may take after the stop. What asked for the stop kills the process at 30 s, if it is usual.
pub(super) const FRONT_DEADLINE: Duration = Duration::from_secs(22);
/// How long what the front leans on may take in all.
pub(super) const BACK_DEADLINE: Duration = Duration::from_secs(24);

/// Tasks that serve, in the order in which they stop.
pub(crate) struct Running {
    /// What takes and does work: stops first.
    pub(super) front: Supervisor,
    /// What the front leans on: stops last.
    pub(super) back: Supervisor,
}

impl Running {
    pub(super) fn new() -> Self {
        Self {
            front: Supervisor::new(),
            back: Supervisor::new(),
        }
    }

    /// Runs until `until` is done, or until a part ends by itself, which is an error. Work in hand is finished.
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
