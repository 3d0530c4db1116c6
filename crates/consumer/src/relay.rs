mod claimed;
mod traced;

use std::{fmt, sync::Arc, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder, Retryable};
use futures::future::join_all;
use lemon_domain::{
    ports::{Clock, JobQueue, Outbox, OutboxEntry, QueueError, StoreError},
    traces::Tracer,
    values::{QueueName, TraceContext},
    with_causes,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use self::{claimed::Claimed, traced::TracedSend};
use crate::{
    config::RelayConfig,
    control::Control,
    measures::{UnsentOutcome, jobs_sent, jobs_unsent},
    renderer::{Rendered, Renderer},
};

/// How often the removal of sent rows is retried, at short intervals: within the usual lease, and within a drain.
const REMOVALS: usize = 3;
const FIRST_REMOVAL: Duration = Duration::from_millis(100);
/// The longest wait after a failure of the store.
const LONGEST_REST: Duration = Duration::from_secs(5);

/// Moves an outbox to the queues: claims rows, renders them, sends the messages, removes the rows that the queues
/// confirmed, and postpones the rest.
///
/// A row is removed only after its queue confirmed the message, so after a crash the message is sent again and nothing
/// is lost. A message that a queue refuses is postponed, never discarded. The next batch is claimed and rendered while
/// one is sent.
///
/// `T` is the content of a row. The log shows it, so its `Display` is a short name without secrets.
pub struct Relay<T, R> {
    outbox: Arc<dyn Outbox<T>>,
    queue: Arc<dyn JobQueue>,
    clock: Arc<dyn Clock>,
    renderer: R,
    config: RelayConfig,
    control: Control,
    tracer: Tracer,
}

impl<T, R> Relay<T, R>
where
    T: fmt::Display + Send + Sync + 'static,
    R: Renderer<T>,
{
    /// A relay from the outbox to the queues, with the defaults.
    pub fn new(
        outbox: Arc<dyn Outbox<T>>,
        queue: Arc<dyn JobQueue>,
        clock: Arc<dyn Clock>,
        renderer: R,
    ) -> Self {
        Self {
            outbox,
            queue,
            clock,
            renderer,
            config: RelayConfig::default(),
            control: Control::default(),
            tracer: Tracer::off(),
        }
    }

    /// With this configuration.
    #[must_use]
    pub fn with_config(mut self, config: RelayConfig) -> Self {
        self.config = config;
        self
    }

    /// With a control that pauses and resumes it: while it is paused, rows stay in the outbox.
    #[must_use]
    pub fn with_control(mut self, control: Control) -> Self {
        self.control = control;
        self
    }

    /// With this tracer: each send of a row that belongs to a trace is a span of it.
    #[must_use]
    pub fn with_tracer(mut self, tracer: Tracer) -> Self {
        self.tracer = tracer;
        self
    }

    /// Relays until `stop`. Rows that were claimed by then are still sent, within the time limit of a drain.
    pub async fn run(&self, stop: CancellationToken) {
        let drained = async {
            stop.cancelled().await;
            sleep(self.config.drain).await;
        };
        tokio::select! {
            biased;
            () = self.relay(&stop) => {}
            () = drained => warn!("the drain takes too long: the remaining rows are not sent and can be claimed again after their lease"),
        }
    }

    async fn relay(&self, stop: &CancellationToken) {
        let mut waits = self.config.waits(self.config.backoff.0).build();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.control.resumed() => {}
            }
            let wait = match self.relay_all(stop).await {
                Ok(()) => {
                    waits = self.config.waits(self.config.backoff.0).build();
                    self.config.poll
                }
                Err(error) => {
                    error!(error = with_causes(&error), "the outbox cannot be relayed");
                    waits.next().unwrap_or(LONGEST_REST).min(LONGEST_REST)
                }
            };
            tokio::select! {
                biased;
                () = self.outbox.changed() => {}
                () = sleep(wait) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Relays batch after batch, until nothing more is due or until the stop.
    async fn relay_all(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        let mut claimed = self.claim().await?;
        while !claimed.is_empty() {
            // A batch that is not full is the last for now: rows that waited behind its rows can be claimed only after
            // it.
            let is_full = claimed.len() >= usize::try_from(self.config.batch).unwrap_or(usize::MAX);
            let next = async {
                if is_full && !stop.is_cancelled() && !self.control.is_paused() {
                    return self.claim().await.map(Some);
                }
                Ok(None)
            };
            let (sent, next) = tokio::join!(self.send(claimed), next);
            let ends = sent.is_err() || stop.is_cancelled() || self.control.is_paused();
            outcome = outcome.and(sent);
            claimed = match next? {
                // Claimed rows are sent, whatever happened to the batch before.
                Some(next) if !next.is_empty() => next,
                _ if ends => break,
                // Other rows may have waited behind the removed ones.
                _ => self.claim().await?,
            };
        }
        outcome
    }

    /// Claims one batch and processes each of its rows. Answers how many there were.
    ///
    /// # Errors
    /// If the store fails. Rows that were sent but could not be removed are sent again after the lease.
    pub async fn relay_batch(&self) -> Result<usize, StoreError> {
        let claimed = self.claim().await?;
        let rows = claimed.len();
        self.send(claimed).await?;
        Ok(rows)
    }

    async fn claim(&self) -> Result<Claimed<T>, StoreError> {
        let RelayConfig { batch, lease, .. } = self.config;
        let now = self.clock.now();
        let entries = self.outbox.claim(batch, lease, now).await?;
        let rendered = self.renderer.render(&entries).await?;
        Ok(Claimed::new(now, entries.into_iter().zip(rendered)))
    }

    async fn send(&self, claimed: Claimed<T>) -> Result<(), StoreError> {
        // When the lease ends, another replica may claim them.
        if self.clock.now() >= claimed.at + self.config.lease / 2 {
            let rows = claimed.len();
            warn!(
                rows,
                "the lease is running out: the remaining rows are left for the next claim"
            );
            return Ok(());
        }
        // All queues at once: a queue that hangs does not delay the others.
        let sends = claimed
            .messages
            .into_iter()
            .map(|(queue, messages)| async move { self.send_to(&queue, messages).await });
        let sent = join_all(sends).await;
        for (entry, rendered) in claimed.others {
            match rendered {
                Rendered::Drop { reason } => self.drop_row(&entry, &reason).await?,
                Rendered::SetAside { reason } => self.set_aside(&entry, &reason).await?,
                Rendered::Postpone { reason } => {
                    let first = self.config.backoff.0;
                    self.postpone(&entry, first, &reason).await?;
                }
                Rendered::Send { .. } => {}
            }
        }
        sent.into_iter().collect()
    }

    async fn send_to(
        &self,
        queue: &QueueName,
        messages: Vec<(OutboxEntry<T>, String)>,
    ) -> Result<(), StoreError> {
        let (sends, outgoing): (Vec<_>, Vec<_>) = messages
            .into_iter()
            .map(|(entry, body)| TracedSend::begin(&self.tracer, queue, entry, body))
            .unzip();
        let outcomes = self.queue.send(queue, outgoing).await;
        let mut sent = Vec::with_capacity(sends.len());
        let mut failed = Vec::new();
        for (send, outcome) in sends.into_iter().zip(outcomes) {
            let entry = send.end(outcome.is_ok());
            match outcome {
                Ok(()) => {
                    info!(
                        request.id = %entry.request_id,
                        trace_id = entry.trace.as_ref().map(TraceContext::trace).map(display),
                        task = %entry.content,
                        queue = %queue,
                        attempt = entry.attempt,
                        "a job is sent"
                    );
                    sent.push(entry.id);
                }
                Err(error) => failed.push((entry, error)),
            }
        }
        jobs_sent(queue, sent.len());
        // First of all, and with retries: a row that was sent but not removed is sent a second time when its lease
        // ends.
        let removed = self.remove(&sent).await;
        for (entry, error) in failed {
            self.postpone(&entry, self.first_wait(&error), &with_causes(&error))
                .await?;
        }
        removed
    }

    async fn remove(&self, sent: &[i64]) -> Result<(), StoreError> {
        let remove = || self.outbox.remove(sent);
        let soon = ExponentialBuilder::default()
            .with_min_delay(FIRST_REMOVAL)
            .with_max_times(REMOVALS);
        remove.retry(soon).when(StoreError::is_transient).await
    }

    async fn drop_row(&self, entry: &OutboxEntry<T>, reason: &str) -> Result<(), StoreError> {
        warn!(
            request.id = %entry.request_id,
            task = %entry.content,
            reason,
            "a job is dropped"
        );
        jobs_unsent(UnsentOutcome::Dropped, 1);
        self.outbox.remove(&[entry.id]).await
    }

    async fn set_aside(&self, entry: &OutboxEntry<T>, reason: &str) -> Result<(), StoreError> {
        error!(
            request.id = %entry.request_id,
            task = %entry.content,
            reason,
            "a job is set aside"
        );
        jobs_unsent(UnsentOutcome::SetAside, 1);
        self.outbox.set_aside(entry, self.clock.now()).await
    }

    const fn first_wait(&self, error: &QueueError) -> Duration {
        if error.is_certain() {
            self.config.backoff.0
        } else {
            self.config.uncertain
        }
    }

    /// Postpones a row: for the first wait at its first attempt, and longer at each further attempt.
    async fn postpone(
        &self,
        entry: &OutboxEntry<T>,
        first: Duration,
        reason: &str,
    ) -> Result<(), StoreError> {
        let wait = self.config.backoff_after(first, entry.attempt);
        warn!(
            request.id = %entry.request_id,
            task = %entry.content,
            attempt = entry.attempt,
            wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            reason,
            "a job is postponed"
        );
        jobs_unsent(UnsentOutcome::Postponed, 1);
        match self.outbox.postpone(entry, self.clock.now() + wait).await {
            // One row must not stop the others: it comes back when its lease ends.
            Err(error) if error.is_of_the_call() => {
                error!(
                    request.id = %entry.request_id,
                    error = with_causes(&error),
                    "a job cannot be postponed"
                );
                Ok(())
            }
            outcome => outcome,
        }
    }
}

impl<T, R> fmt::Debug for Relay<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Relay");
        shown.field("config", &self.config).finish_non_exhaustive()
    }
}
