use std::future::Future;

use anyhow::{Context, anyhow};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// Background tasks that run until the stop. If one ends earlier, the whole program fails.
pub(crate) struct Supervisor {
    stop: CancellationToken,
    tasks: JoinSet<(&'static str, anyhow::Result<()>)>,
    /// The tasks that have not ended.
    names: Vec<&'static str>,
}

impl Supervisor {
    pub(crate) fn new() -> Self {
        Self {
            stop: CancellationToken::new(),
            tasks: JoinSet::new(),
            names: Vec::new(),
        }
    }

    /// The token that tells the tasks to finish.
    pub(crate) fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    pub(crate) fn spawn(
        &mut self,
        name: &'static str,
        task: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        self.names.push(name);
        self.tasks.spawn(async move { (name, task.await) });
    }

    /// Returns when a task has ended, which must not happen before the stop.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        match self.tasks.join_next().await {
            Some(ended) => match outcome(ended) {
                Ok(name) => anyhow!("the {name} ended unexpectedly"),
                Err(error) => error,
            },
            None => std::future::pending().await,
        }
    }

    /// Tells the tasks to finish and waits for them until `end`. Tasks that have not finished by then are dropped.
    ///
    /// # Errors
    /// If a task failed, or did not finish in time.
    pub(crate) async fn finish(mut self, end: Instant) -> anyhow::Result<()> {
        self.stop.cancel();
        let mut result = Ok(());
        while let Ok(ended) = timeout_at(end, self.tasks.join_next()).await {
            let Some(ended) = ended else {
                return result;
            };
            match outcome(ended) {
                Ok(name) => {
                    if let Some(at) = self.names.iter().position(|other| *other == name) {
                        self.names.swap_remove(at);
                    }
                    info!(task = name, "finished");
                }
                Err(error) => {
                    error!(
                        error = format!("{error:#}"),
                        "a task failed during the stop"
                    );
                    result = Err(error);
                }
            }
        }
        result.and(Err(anyhow!(
            "not finished in time: {}",
            self.names.join(", ")
        )))
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
    use std::time::Duration;

    use super::*;

    fn in_time() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

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
        assert_eq!(failure, "the flighty one ended unexpectedly");
        supervisor.finish(in_time()).await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_with_the_others_finished() {
        let mut supervisor = Supervisor::new();
        supervisor.spawn("one", async { panic!("on purpose") });
        assert_eq!(supervisor.failed().await.to_string(), "a task panicked");
        supervisor.finish(in_time()).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_finish_does_not_hang_the_stop() {
        let mut supervisor = Supervisor::new();
        supervisor.spawn("deaf one", std::future::pending());
        let stop = supervisor.stop();
        supervisor.spawn("obedient one", async move {
            stop.cancelled().await;
            Ok(())
        });
        let end = in_time();
        let failure = supervisor.finish(end).await.unwrap_err().to_string();
        assert_eq!(failure, "not finished in time: deaf one");
        assert!(Instant::now() < end + Duration::from_secs(1));
    }
}
