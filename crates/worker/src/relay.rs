use std::{collections::BTreeMap, sync::Arc, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder, Retryable};
use futures::future::join_all;
use lemon_domain::{
    ports::{Clock, JobQueue, Outbox, OutboxEntry, Outgoing, StoreError},
    usecases::{Dispatch, Prepared},
    values::QueueName,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{chain::chain, messages};

/// How often the removal of what was sent is repeated, soon: within the usual lease, and within a stop.
const REMOVALS: usize = 3;
const FIRST_REMOVAL: Duration = Duration::from_millis(100);
/// How long a batch that is under way at the stop may take; what is left of it comes again after its lease.
const STOP_WITHIN: Duration = Duration::from_secs(15);

/// How the relay works; the defaults suit production.
#[derive(Debug, Clone)]
pub struct RelayConfig {
    /// Rows claimed at a time.
    pub batch: u32,
    /// How long a claim lasts: in its first half a batch is begun to be sent. The second is longer than twice the skew of
    /// clocks and a sending, so that no other replica takes it for over.
    pub lease: Duration,
    /// How long to wait for a signal before looking anyway: postponed rows and lost leases come due in silence.
    pub poll: Duration,
    /// The first and the longest wait after a failure that certainly sent nothing.
    pub backoff: (Duration, Duration),
    /// The first wait after one that may have sent the job: each further attempt may double it.
    pub uncertain: Duration,
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            batch: 100,
            lease: Duration::from_mins(1),
            poll: Duration::from_secs(1),
            backoff: (Duration::from_millis(200), Duration::from_mins(5)),
            uncertain: Duration::from_secs(10),
        }
    }
}

/// Moves the outbox to the queues.
///
/// A row is removed only after its queue confirmed the message, so a crash sends it again and loses nothing.
/// Whatever a queue refuses is postponed, never thrown away.
pub struct Relay {
    /// What is to be sent.
    pub outbox: Arc<dyn Outbox>,
    /// Where to.
    pub queue: Arc<dyn JobQueue>,
    /// Makes jobs of rows.
    pub dispatch: Arc<Dispatch>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How.
    pub config: RelayConfig,
}

impl Relay {
    /// Relays until `stop`; what was claimed by then is still sent, if that takes no longer than a stop may.
    pub async fn run(&self, stop: CancellationToken) {
        let mut backoff = self.backoff(self.config.backoff.0).build();
        while !stop.is_cancelled() {
            let stopped = async {
                stop.cancelled().await;
                tokio::time::sleep(STOP_WITHIN).await;
            };
            let relayed = tokio::select! {
                relayed = self.relay_batch() => relayed,
                () = stopped => break,
            };
            let wait = match relayed {
                // What was removed may have stood before others.
                Ok(claimed) if claimed > 0 => {
                    backoff = self.backoff(self.config.backoff.0).build();
                    continue;
                }
                Ok(_) => {
                    backoff = self.backoff(self.config.backoff.0).build();
                    self.config.poll
                }
                Err(error) => {
                    error!(error = chain(&error), "the outbox cannot be relayed");
                    let wait = backoff.next().unwrap_or(self.config.backoff.1);
                    tokio::select! {
                        () = tokio::time::sleep(wait.min(Duration::from_secs(5))) => continue,
                        () = stop.cancelled() => break,
                    }
                }
            };
            tokio::select! {
                () = self.outbox.changed() => {}
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Claims one batch and deals with each row of it. Answers how many there were.
    ///
    /// # Errors
    /// If the store fails. What was sent and could not be removed is sent again after the lease.
    pub async fn relay_batch(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let entries = self
            .outbox
            .claim(self.config.batch, self.config.lease, now)
            .await?;
        let claimed = entries.len();
        let prepared = self.dispatch.prepare(&entries).await?;
        let prepared = entries.into_iter().zip(prepared).collect();
        let by_queue = self.sort(prepared).await?;
        // When the lease ends, another may have them.
        if self.clock.now() >= now + self.config.lease / 2 {
            warn!(
                claimed,
                "the lease is running out; jobs are left for the next claim"
            );
            return Ok(claimed);
        }
        // All queues at once: one that hangs holds up none of the others.
        let sends = by_queue
            .into_iter()
            .map(|(queue, jobs)| async move { self.send(&queue, jobs).await });
        let outcomes = join_all(sends).await;
        outcomes.into_iter().collect::<Result<(), _>>()?;
        Ok(claimed)
    }

    /// Sorts what can be sent by queue; drops or postpones the rest.
    async fn sort(
        &self,
        prepared: Vec<(OutboxEntry, Prepared)>,
    ) -> Result<BTreeMap<QueueName, Vec<(OutboxEntry, String)>>, StoreError> {
        let mut by_queue: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (entry, prepared) in prepared {
            match prepared {
                Prepared::Send(queue, job) => {
                    if let Ok(body) = messages::render(&job) {
                        by_queue.entry(queue).or_default().push((entry, body));
                    } else {
                        // The error may repeat a credential.
                        error!(
                            request.id = %entry.request_id,
                            task = entry.task.as_str(),
                            "a job is set aside: it is no JSON"
                        );
                        self.outbox.set_aside(&entry, self.clock.now()).await?;
                    }
                }
                Prepared::Hold(reason) => {
                    self.postpone(&entry, self.config.backoff.0, &reason)
                        .await?;
                }
                Prepared::Drop(reason) => {
                    warn!(
                        request.id = %entry.request_id,
                        task = entry.task.as_str(),
                        reason,
                        "a job is dropped"
                    );
                    self.outbox.remove(&[entry.id]).await?;
                }
            }
        }
        Ok(by_queue)
    }

    async fn send(
        &self,
        queue: &QueueName,
        jobs: Vec<(OutboxEntry, String)>,
    ) -> Result<(), StoreError> {
        let (entries, outgoing): (Vec<_>, Vec<_>) = jobs
            .into_iter()
            .map(|(entry, body)| {
                let id = entry.request_id.get();
                (entry, Outgoing { id, body })
            })
            .unzip();
        let outcomes = self.queue.send(queue, outgoing).await;
        let mut sent = Vec::with_capacity(entries.len());
        let mut failed = Vec::new();
        for (entry, outcome) in entries.iter().zip(outcomes) {
            match outcome {
                Ok(()) => {
                    info!(
                        request.id = %entry.request_id,
                        task = entry.task.as_str(),
                        queue = %queue,
                        attempt = entry.attempt,
                        "a job is sent"
                    );
                    sent.push(entry.id);
                }
                Err(error) => failed.push((entry, error)),
            }
        }
        metrics::counter!("jobs_sent_total", "queue" => queue.to_string())
            .increment(sent.len() as u64);
        // First of all, and again if need be: what is sent and stays is sent a second time when its lease ends.
        let removed = (|| self.outbox.remove(&sent))
            .retry(
                ExponentialBuilder::default()
                    .with_min_delay(FIRST_REMOVAL)
                    .with_max_times(REMOVALS),
            )
            .when(StoreError::is_transient)
            .await;
        for (entry, error) in failed {
            let first = if error.is_certain() {
                self.config.backoff.0
            } else {
                self.config.uncertain
            };
            self.postpone(entry, first, &chain(&error)).await?;
        }
        removed
    }

    /// Postpones a row: for the first wait at its first attempt, and for longer at each further one.
    async fn postpone(
        &self,
        entry: &OutboxEntry,
        first: Duration,
        reason: &str,
    ) -> Result<(), StoreError> {
        let attempts = usize::try_from(entry.attempt).unwrap_or(usize::MAX);
        let wait = self
            .backoff(first)
            .build()
            .take(attempts.min(32))
            .last()
            .unwrap_or(first);
        warn!(
            request.id = %entry.request_id,
            task = entry.task.as_str(),
            attempt = entry.attempt,
            wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            reason,
            "a job is postponed"
        );
        metrics::counter!("jobs_postponed_total").increment(1);
        match self.outbox.postpone(entry, self.clock.now() + wait).await {
            // One row is no reason to leave the others: it comes back when its lease ends.
            Err(error) if error.is_of_the_call() => {
                error!(
                    request.id = %entry.request_id,
                    error = chain(&error),
                    "a job cannot be postponed"
                );
                Ok(())
            }
            outcome => outcome,
        }
    }

    const fn backoff(&self, first: Duration) -> ExponentialBuilder {
        ExponentialBuilder::new()
            .with_min_delay(first)
            .with_max_delay(self.config.backoff.1)
            .without_max_times()
    }
}
