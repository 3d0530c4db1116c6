//! Takes deliveries from one queue and has them handled. It knows nothing of what they say.

mod acks;
mod evidence;
mod hand;
mod poller;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use lemon_domain::{
    ports::{Delivery, JobQueue, MAX_BATCH},
    values::QueueName,
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::{JoinError, JoinSet},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use self::{
    acks::{LINGER, acknowledge},
    evidence::Evidence,
    hand::LAST_TRY,
    poller::{LAST_RECEIVE, Poller},
};

/// How long each part of this crate takes after the stop, at most. What is left then comes again.
pub const STOP_WITHIN: Duration = Duration::from_secs(20);

/// How long a consumer takes after the stop at a queue whose calls end within `deadline`: the receive that is under way, one
/// try at what it brings, the copy of what fails, an acknowledgement. Nothing is left if that is within [`STOP_WITHIN`].
#[must_use]
pub fn longest_drain(deadline: Duration) -> Duration {
    LAST_RECEIVE + LAST_TRY + deadline + LINGER + deadline
}

/// How deliveries are taken.
#[derive(Debug, Clone)]
pub(crate) struct ConsumerConfig {
    /// Receive calls at a time.
    pub(crate) pollers: usize,
    /// Deliveries in hand at a time; at least [`MAX_BATCH`].
    pub(crate) concurrency: usize,
    /// The queue's visibility timeout: a delivery in hand is extended at half of it.
    pub(crate) visibility: Duration,
    /// How long a receive waits for a message.
    pub(crate) wait: Duration,
}

/// What becomes of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is done, now or before.
    Done,
    /// The message itself is wrong, for this reason.
    Wrong(String),
    /// A neighbour cannot at the moment, for this reason: the delivery is held until it can, but not for ever.
    Later(String),
}

/// Handles deliveries. One may come again after it was done.
#[async_trait]
pub(crate) trait Handler: Send + Sync + 'static {
    /// Tries once. The future may be dropped.
    async fn handle(&self, delivery: &Delivery) -> Verdict;
}

/// Why a consumer ended before it was told to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumerError {
    /// A part of it ended by itself.
    #[error("the {part} of queue {queue} ended by itself")]
    Ended {
        /// What ended.
        part: &'static str,
        /// Of which queue.
        queue: String,
    },
    /// A part of it panicked.
    #[error("a part of a consumer panicked")]
    Panicked(#[from] JoinError),
}

/// A consumer of one queue.
///
/// There is no batch barrier: each delivery is acknowledged or dead-lettered on its own. A panic in handling one is that
/// delivery's failure: it comes again after its visibility timeout.
pub(crate) struct Consumer<H> {
    pub(crate) queue: Arc<dyn JobQueue>,
    pub(crate) name: QueueName,
    pub(crate) handler: Arc<H>,
    pub(crate) config: ConsumerConfig,
}

impl<H: Handler> Consumer<H> {
    /// Consumes until `stop`; then each delivery in hand gets one try and each acknowledgement another.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), ConsumerError> {
        // Of its own, so that the end of one part ends the others.
        let stop = stop.child_token();
        let (queue, name) = (Arc::clone(&self.queue), self.name.clone());
        let (acks, receipts) = mpsc::channel(self.config.concurrency.max(1));
        let mut parts = Parts {
            name: self.name.clone(),
            tasks: JoinSet::new(),
        };
        parts.spawn(
            "acknowledging",
            acknowledge(queue, name, receipts, stop.clone()),
        );
        let hands = TaskTracker::new();
        let poller = Arc::new(Poller {
            slots: Arc::new(Semaphore::new(self.config.concurrency.max(MAX_BATCH))),
            evidence: Evidence::default(),
            hands: hands.clone(),
            consumer: self,
            acks,
            stop: stop.clone(),
        });
        for _ in 0..poller.consumer.config.pollers.max(1) {
            parts.spawn("poller", Arc::clone(&poller).poll());
        }
        drop(poller);
        let ended = tokio::select! {
            // First, since a part that ends with the stop is no failure.
            biased;
            () = stop.cancelled() => Ok(()),
            error = parts.ended_early() => Err(error),
        };
        stop.cancel();
        hands.close();
        let finished = timeout(STOP_WITHIN, async {
            hands.wait().await;
            parts.finish().await
        });
        let finished = finished.await.unwrap_or_else(|_| {
            let left = hands.len();
            warn!(queue = %parts.name, left, "deliveries in hand are left; they come again");
            Ok(())
        });
        ended.and(finished)
    }
}

impl<H> fmt::Debug for Consumer<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Consumer");
        shown.field("name", &self.name).finish_non_exhaustive()
    }
}

/// The tasks of a consumer, none of which ends before the stop. They end with it.
struct Parts {
    name: QueueName,
    tasks: JoinSet<&'static str>,
}

impl Parts {
    fn spawn(&mut self, part: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(async move {
            task.await;
            part
        });
    }

    async fn ended_early(&mut self) -> ConsumerError {
        let queue = self.name.to_string();
        match self.tasks.join_next().await {
            Some(Ok(part)) => ConsumerError::Ended { part, queue },
            Some(Err(error)) => error.into(),
            None => ConsumerError::Ended {
                part: "work",
                queue,
            },
        }
    }

    async fn finish(&mut self) -> Result<(), ConsumerError> {
        let mut outcome = Ok(());
        while let Some(ended) = self.tasks.join_next().await {
            outcome = outcome.and(ended.map(drop).map_err(ConsumerError::from));
        }
        outcome
    }
}
