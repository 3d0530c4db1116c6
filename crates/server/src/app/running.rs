use std::future::Future;

use super::supervisor::Supervisor;

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
        let front = self.front.finish().await;
        let back = self.back.finish().await;
        let done = ended?;
        front.and(back)?;
        Ok(done)
    }
}
