use std::time::Duration;

use lemon_domain::ports::QueueError;
use lemon_postgres::PostgresError;
use lemon_redis::RedisError;
use lemon_sqs::SqsError;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::app::StartError;

/// The time between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a start waits for the parts that are not there yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience(Duration);

impl Patience {
    /// At most this time for each part.
    pub(crate) const fn of(time: Duration) -> Self {
        Self(time)
    }

    /// Tries until it succeeds, until the time is over, or until it fails in a way that does not pass.
    pub(crate) async fn wait_for<T>(
        self,
        part: &'static str,
        mut attempt: impl AsyncFnMut() -> Result<T, StartError>,
    ) -> Result<T, StartError> {
        let end = Instant::now() + self.0;
        let mut waits = false;
        loop {
            match attempt().await {
                Ok(done) => {
                    if waits {
                        info!(part, "it is there now");
                    }
                    return Ok(done);
                }
                Err(error) if is_away(&error) && Instant::now() + PAUSE <= end => {
                    if !waits {
                        let left_s = end.duration_since(Instant::now()).as_secs();
                        warn!(part, left_s, error = %error, "waiting for a part that is not there yet");
                        waits = true;
                    }
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Tells whether a part does not answer, which may pass by itself: it was started at the same time.
fn is_away(error: &StartError) -> bool {
    let StartError::Other(error) = error else {
        return false;
    };
    matches!(error.downcast_ref(), Some(PostgresError::Unreached { .. }))
        || matches!(error.downcast_ref(), Some(RedisError::Unreachable { .. }))
        || matches!(error.downcast_ref(), Some(SqsError::Unreachable { .. }))
        || error
            .downcast_ref()
            .is_some_and(|error: &QueueError| error.is_transient())
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    fn away() -> StartError {
        let error = Err::<(), _>(RedisError::Unreachable {
            server: "redis".to_owned(),
            cause: "refused".to_owned(),
        });
        error
            .context("the quota counter cannot be used")
            .unwrap_err()
            .into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_comes_later_is_waited_for() {
        let mut attempts = 0;
        let patience = Patience::of(Duration::from_secs(5));
        let came = patience.wait_for("quota", async || {
            attempts += 1;
            if attempts < 4 {
                Err(away())
            } else {
                Ok(attempts)
            }
        });
        assert_eq!(came.await.unwrap(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_stays_away_is_waited_for_until_the_end() {
        let mut attempts = 0;
        let begun = Instant::now();
        let patience = Patience::of(Duration::from_secs(5));
        let came = patience.wait_for("quota", async || {
            attempts += 1;
            Err::<(), _>(away())
        });
        let line = came.await.unwrap_err().to_string();
        assert_eq!(line, "the quota counter cannot be used");
        assert_eq!((attempts, begun.elapsed()), (6, Duration::from_secs(5)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_permanent_failure_is_not_waited_for() {
        let begun = Instant::now();
        let patience = Patience::of(Duration::from_secs(5));
        let refused = patience.wait_for("quota", async || {
            Err::<(), _>(anyhow!("a wrong password").into())
        });
        refused.await.unwrap_err();
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
