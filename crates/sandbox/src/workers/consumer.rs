use std::{
    error::Error, future::Future, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration,
};

use futures::FutureExt;
use lemon_domain::{
    ports::{Delivery, JobQueue, MAX_BATCH, Outgoing, QueueError},
    values::QueueName,
};
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use super::jobs::JobError;

/// How long one receive waits, and how long a stop waits for it.
pub(super) const RECEIVE_WAIT: Duration = Duration::from_secs(1);
/// The longest that jobs in hand take to be given back at the stop. What is left comes again.
pub(super) const STOP_WITHIN: Duration = Duration::from_secs(15);
/// How long a queue that fails is left alone.
const REST: Duration = Duration::from_secs(2);
/// A delivery in hand is kept this much longer, each time this often.
const KEEP_FOR: Duration = Duration::from_mins(1);
const KEEP_EVERY: Duration = Duration::from_secs(10);
/// Waits before another try: doubled with each, up to the longest.
const SHORTEST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_mins(5);

/// Takes jobs from one queue and has them done, a bounded number at a time, each settled on its own.
#[derive(Clone)]
pub(super) struct Consumer {
    pub(super) queue: Arc<dyn JobQueue>,
    pub(super) name: QueueName,
    pub(super) at_a_time: usize,
    pub(super) stop: CancellationToken,
}

impl Consumer {
    /// Receives until the stop, then waits until every job in hand is settled.
    pub(super) async fn run<F, J>(self, job: F)
    where
        F: Fn(String) -> J,
        J: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        let places = Arc::new(Semaphore::new(self.at_a_time));
        let tasks = TaskTracker::new();
        while !self.stop.is_cancelled() {
            // Waits for one free place, then takes as many messages as there are places.
            let Ok(first) = places.acquire().await else {
                break;
            };
            drop(first);
            let max = places.available_permits().clamp(1, MAX_BATCH);
            match self.receive(max).await {
                Ok(deliveries) => {
                    for delivery in deliveries {
                        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                            break;
                        };
                        let (consumer, work) = (self.clone(), job(delivery.body.clone()));
                        tasks.spawn(async move {
                            consumer.take(&delivery, work).await;
                            drop(place);
                        });
                    }
                }
                Err(error) => self.rest(&error).await,
            }
        }
        tasks.close();
        if timeout(STOP_WITHIN, tasks.wait()).await.is_err() {
            let left = tasks.len();
            tracing::warn!(queue.name = %self.name, left, "jobs in hand are left; they come again");
        }
    }

    /// Receives; at the stop it brings what comes soon, or nothing.
    async fn receive(&self, max: usize) -> Result<Vec<Delivery>, QueueError> {
        let mut receiving = pin!(self.queue.receive(&self.name, max, RECEIVE_WAIT));
        tokio::select! {
            received = &mut receiving => received,
            () = self.stop.cancelled() => {
                timeout(RECEIVE_WAIT, receiving).await.unwrap_or(Ok(Vec::new()))
            }
        }
    }

    /// A panic over a job is its failure alone: it comes again, five times at most.
    async fn take<J>(&self, delivery: &Delivery, work: J)
    where
        J: Future<Output = Result<(), JobError>>,
    {
        let settling = AssertUnwindSafe(self.settle(delivery, work));
        if settling.catch_unwind().await.is_err() {
            tracing::error!(queue.name = %self.name, "a job panicked and will come again");
        }
    }

    async fn rest(&self, error: &QueueError) {
        tracing::warn!(queue.name = %self.name, error = error as &dyn Error, "the sandbox workers cannot receive");
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(REST) => {}
        }
    }

    /// Does a job and tells the queue how it went.
    async fn settle<J>(&self, delivery: &Delivery, work: J)
    where
        J: Future<Output = Result<(), JobError>>,
    {
        let outcome = tokio::select! {
            biased;
            // A job that came with the last receive is not begun.
            () = std::future::ready(()), if self.stop.is_cancelled() => None,
            outcome = work => Some(outcome),
            () = self.keep(delivery) => None,
            () = self.stop.cancelled() => None,
        };
        let settled = match outcome {
            Some(Ok(())) => self.ack(delivery).await,
            Some(Err(error)) if error.is_transient() => {
                let wait = error.wait().unwrap_or_else(|| backoff(delivery.attempt));
                tracing::info!(queue.name = %self.name, error = &error as &dyn Error, "a job is tried again later");
                self.give_back(delivery, wait).await
            }
            Some(Err(error)) => {
                let reason = reason(&error);
                tracing::warn!(queue.name = %self.name, reason, "a job is given up");
                self.queue.dead_letter(&self.name, delivery, &reason).await
            }
            None if self.stop.is_cancelled() => self.put_back(delivery).await,
            // Somebody else has it.
            None => Ok(()),
        };
        match settled {
            Ok(()) | Err(QueueError::StaleReceipt) => {}
            Err(error) => {
                tracing::warn!(queue.name = %self.name, error = &error as &dyn Error, "a job could not be settled and will come again");
            }
        }
    }

    /// Keeps a delivery from others while it is worked on; ends when it is lost to them.
    async fn keep(&self, delivery: &Delivery) {
        loop {
            tokio::time::sleep(KEEP_EVERY).await;
            let kept = self.queue.extend(&self.name, &delivery.receipt, KEEP_FOR);
            if matches!(kept.await, Err(QueueError::StaleReceipt)) {
                return;
            }
        }
    }

    async fn ack(&self, delivery: &Delivery) -> Result<(), QueueError> {
        let receipts = std::slice::from_ref(&delivery.receipt);
        let outcomes = self.queue.ack(&self.name, receipts).await;
        outcomes.into_iter().collect()
    }

    /// Puts the message back as a new one: a stop spends none of its receives. A crash in between leaves both, which does
    /// no harm.
    async fn put_back(&self, delivery: &Delivery) -> Result<(), QueueError> {
        let copy = Outgoing {
            id: Uuid::nil(),
            body: delivery.body.clone(),
        };
        let sent = self.queue.send(&self.name, vec![copy]).await;
        match sent.into_iter().collect() {
            Ok(()) => self.ack(delivery).await,
            Err(error) if QueueError::is_transient(&error) => Err(error),
            Err(_) => self.give_back(delivery, Duration::ZERO).await,
        }
    }

    async fn give_back(&self, delivery: &Delivery, wait: Duration) -> Result<(), QueueError> {
        self.queue
            .retry_after(&self.name, &delivery.receipt, wait)
            .await
    }
}

fn backoff(attempt: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
    SHORTEST_BACKOFF
        .saturating_mul(doubled)
        .min(LONGEST_BACKOFF)
}

/// The error and its causes in one line. Neither names a token.
fn reason(error: &JobError) -> String {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        reason = format!("{reason}: {error}");
        cause = error.source();
    }
    reason
}
