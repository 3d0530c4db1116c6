use std::{pin::pin, sync::Arc, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use lemon_domain::ports::{Delivery, MAX_BATCH, QueueError, Receipt};
use tokio::{
    sync::{Semaphore, mpsc},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, error, info_span};

use super::{Consumer, Handler, evidence::Evidence};
use crate::chain::chain;

/// How long a receive that is under way at the stop may take to bring what it has. A long poll cannot be waited for.
pub(super) const LAST_RECEIVE: Duration = Duration::from_secs(1);

/// What receives, and what its deliveries in hand share.
pub(super) struct Poller<H> {
    pub(super) consumer: Consumer<H>,
    /// Places for deliveries in hand.
    pub(super) slots: Arc<Semaphore>,
    /// What its deliveries tell of the neighbour.
    pub(super) evidence: Evidence,
    pub(super) hands: TaskTracker,
    pub(super) acks: mpsc::Sender<Receipt>,
    pub(super) stop: CancellationToken,
}

impl<H: Handler> Poller<H> {
    pub(super) async fn poll(self: Arc<Self>) {
        while !self.stop.is_cancelled() {
            let batch = u32::try_from(MAX_BATCH).unwrap_or(1);
            let slots = tokio::select! {
                slots = Arc::clone(&self.slots).acquire_many_owned(batch) => slots,
                () = self.stop.cancelled() => break,
            };
            let Ok(mut slots) = slots else { break };
            tokio::select! {
                () = self.evidence.rest_while_away() => {}
                () = self.stop.cancelled() => {}
            }
            for delivery in self.receive().await {
                let slot = slots.split(1);
                let poller = Arc::clone(&self);
                let span = info_span!(
                    "delivery",
                    queue = %self.consumer.name,
                    message.id = %delivery.message_id
                );
                let hand = async move {
                    poller.take(delivery).await;
                    drop(slot);
                };
                self.hands.spawn(hand.instrument(span));
            }
        }
    }

    /// Receives, however long the queue is away. After the stop it brings what comes soon, or nothing.
    async fn receive(&self) -> Vec<Delivery> {
        let mut waits = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(5))
            .without_max_times()
            .build();
        while !self.stop.is_cancelled() {
            match self.receive_once().await {
                Some(Ok(deliveries)) => return deliveries,
                Some(Err(error)) => {
                    error!(
                        queue = %self.consumer.name,
                        error = chain(&error),
                        "nothing can be received"
                    );
                    tokio::select! {
                        () = sleep(waits.next().unwrap_or_default()) => {}
                        () = self.stop.cancelled() => {}
                    }
                }
                None => break,
            }
        }
        Vec::new()
    }

    async fn receive_once(&self) -> Option<Result<Vec<Delivery>, QueueError>> {
        let Consumer {
            queue,
            name,
            config,
            ..
        } = &self.consumer;
        let mut receiving = pin!(queue.receive(name, MAX_BATCH, config.wait));
        tokio::select! {
            received = &mut receiving => Some(received),
            () = self.stop.cancelled() => timeout(LAST_RECEIVE, receiving).await.ok(),
        }
    }
}
