use std::{future::Future, time::Duration};

use anyhow::{Context, anyhow};
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// How long work in hand may take after the stop.
const DEADLINE: Duration = Duration::from_secs(25);

/// Background tasks that live until the stop. One that ends before is a failure of the whole program.
pub(crate) struct Supervisor {
    stop: CancellationToken,
    tasks: JoinSet<(&'static str, anyhow::Result<()>)>,
}

impl Supervisor {
    pub(crate) fn new() -> Self {
        Self {
            stop: CancellationToken::new(),
            tasks: JoinSet::new(),
        }
    }

    /// What tells the tasks to finish.
    pub(crate) fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    pub(crate) fn spawn(
        &mut self,
        name: &'static str,
        task: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        self.tasks.spawn(async move { (name, task.await) });
    }

    /// Returns when a task has ended, which none should before the stop.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        match self.tasks.join_next().await {
            Some(ended) => match outcome(ended) {
                Ok(name) => anyhow!("the {name} ended by itself"),
                Err(error) => error,
            },
            None => std::future::pending().await,
        }
    }

    /// Tells the tasks to finish and waits for them.
    pub(crate) async fn finish(mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        let drained = timeout(DEADLINE, async {
            let mut result = Ok(());
            while let Some(ended) = self.tasks.join_next().await {
                match outcome(ended) {
                    Ok(name) => info!(task = name, "finished"),
                    Err(error) => {
                        error!(
                            error = format!("{error:#}"),
                            "a task failed while it finished"
                        );
                        result = Err(error);
                    }
                }
            }
            result
        });
        drained
            .await
            .context("work in hand did not finish in time")?
    }
}

fn outcome(
    ended: Result<(&'static str, anyhow::Result<()>), tokio::task::JoinError>,
) -> anyhow::Result<&'static str> {
    let (name, result) = ended.context("a task panicked")?;
    result.with_context(|| format!("the {name} failed"))?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_by_itself_is_a_failure() {
        let mut supervisor = Supervisor::new();
        let stop = supervisor.stop();
        supervisor.spawn("steady one", async move {
            stop.cancelled().await;
            Ok(())
        });
        supervisor.spawn("flighty one", async { Ok(()) });
        let failure = supervisor.failed().await.to_string();
        assert_eq!(failure, "the flighty one ended by itself");
        supervisor.finish().await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_with_the_others_finished() {
        let mut supervisor = Supervisor::new();
        supervisor.spawn("one", async { panic!("on purpose") });
        assert_eq!(supervisor.failed().await.to_string(), "a task panicked");
        supervisor.finish().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_finish_does_not_hang_the_stop() {
        let mut supervisor = Supervisor::new();
        supervisor.spawn("deaf one", std::future::pending());
        assert!(supervisor.finish().await.is_err());
    }
}
