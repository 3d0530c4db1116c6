use std::{sync::Arc, time::Duration};

use backon::{ExponentialBuilder, Retryable};
use lemon_domain::{
    ports::{Delivery, FinishOutcome, JobQueue, MAX_BATCH, QueueError, Receipt, StoreError},
    usecases::Trainings,
    values::{Catalogue, QueueName, TrainingReady},
};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, error, info, info_span, warn};

use crate::{acks::acknowledge, messages, relay::chain};

/// How the listener works; the defaults suit production.
#[derive(Debug, Clone)]
pub struct ListenerConfig {
    /// Receive calls at a time, for each queue.
    pub pollers: usize,
    /// Deliveries in hand at a time, for each queue; at least [`MAX_BATCH`].
    pub concurrency: usize,
    /// The queue's visibility timeout: a delivery in hand is extended at half of it.
    pub visibility: Duration,
    /// How long a receive waits for a message: 20 s is the longest there is in SQS.
    pub wait: Duration,
}

impl Default for ListenerConfig {
    fn default() -> Self {
        Self {
            pollers: 2,
            concurrency: 64,
            visibility: Duration::from_secs(30),
            wait: Duration::from_secs(20),
        }
    }
}

/// Takes the workers' ready messages.
///
/// There is no batch barrier: each delivery is acknowledged or dead-lettered on its own. While the store is away a
/// delivery stays in hand, so that an outage does not use up its receives.
pub struct ReadyListener {
    /// Where from.
    pub queue: Arc<dyn JobQueue>,
    /// What finishes them.
    pub trainings: Arc<Trainings>,
    /// Which services there are, and their queues.
    pub catalogue: Arc<Catalogue>,
    /// How.
    pub config: ListenerConfig,
}

impl ReadyListener {
    /// Listens until `stop`; deliveries in hand are finished and acknowledged.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let queues = TaskTracker::new();
        for name in self.catalogue.ready_queues() {
            queues.spawn(Arc::clone(&self).listen(name, stop.clone()));
        }
        queues.close();
        queues.wait().await;
    }

    async fn listen(self: Arc<Self>, name: QueueName, stop: CancellationToken) {
        let (acks, receipts) = mpsc::channel(self.config.concurrency);
        let acknowledging =
            tokio::spawn(acknowledge(Arc::clone(&self.queue), name.clone(), receipts));
        let pollers = TaskTracker::new();
        let poller = Arc::new(Poller {
            slots: Arc::new(Semaphore::new(self.config.concurrency.max(MAX_BATCH))),
            hands: TaskTracker::new(),
            listener: self,
            name,
            acks,
            stop,
        });
        for _ in 0..poller.listener.config.pollers.max(1) {
            pollers.spawn(Arc::clone(&poller).poll());
        }
        pollers.close();
        pollers.wait().await;
        poller.hands.close();
        poller.hands.wait().await;
        drop(poller);
        if let Err(error) = acknowledging.await {
            error!(error = chain(&error), "acknowledging ended early");
        }
    }
}

/// The pollers of one queue.
struct Poller {
    listener: Arc<ReadyListener>,
    name: QueueName,
    slots: Arc<Semaphore>,
    hands: TaskTracker,
    acks: mpsc::Sender<Receipt>,
    stop: CancellationToken,
}

impl Poller {
    async fn poll(self: Arc<Self>) {
        while !self.stop.is_cancelled() {
            let batch = u32::try_from(MAX_BATCH).unwrap_or(1);
            let slots = tokio::select! {
                slots = Arc::clone(&self.slots).acquire_many_owned(batch) => slots,
                () = self.stop.cancelled() => break,
            };
            let Ok(mut slots) = slots else { break };
            let received = tokio::select! {
                received = self.receive() => received,
                () = self.stop.cancelled() => break,
            };
            for delivery in received {
                let slot = slots.split(1);
                let poller = Arc::clone(&self);
                let span = info_span!("ready", message.id = %delivery.message_id);
                self.hands.spawn(
                    async move {
                        poller.handle(delivery).await;
                        drop(slot);
                    }
                    .instrument(span),
                );
            }
        }
    }

    /// Receives, however long the queue is away.
    async fn receive(&self) -> Vec<Delivery> {
        let policy = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(5))
            .without_max_times();
        let ListenerConfig { wait, .. } = self.listener.config;
        (|| self.listener.queue.receive(&self.name, MAX_BATCH, wait))
            .retry(policy)
            .notify(|error: &QueueError, _| {
                error!(queue = %self.name, error = chain(error), "nothing can be received");
            })
            .await
            .unwrap_or_default()
    }

    async fn handle(&self, delivery: Delivery) {
        let ready = match self.read(&delivery.body) {
            Ok(ready) => ready,
            Err(reason) => return self.dead_letter(&delivery, &reason).await,
        };
        let outcome = tokio::select! {
            outcome = self.finish(&ready) => outcome,
            () = self.keep(&delivery.receipt) => return,
            () = self.stop.cancelled() => match self.finish_once(&ready).await {
                Err(error) if error.is_transient() => return self.give_back(&delivery).await,
                outcome => outcome,
            },
        };
        match outcome {
            Ok(outcome) => {
                report(outcome, &ready);
                // Fails only if acknowledging has died: the message comes again and is found done.
                drop(self.acks.send(delivery.receipt).await);
            }
            Err(error) => self.dead_letter(&delivery, &chain(&error)).await,
        }
    }

    fn read(&self, body: &str) -> Result<TrainingReady, String> {
        let ready = messages::parse_ready(body).map_err(|error| chain(&error))?;
        if self.listener.catalogue.by_type(&ready.service).is_none() {
            return Err(format!("there is no service {}", ready.service));
        }
        Ok(ready)
    }

    async fn finish_once(&self, ready: &TrainingReady) -> Result<FinishOutcome, StoreError> {
        self.listener.trainings.finish(ready).await
    }

    /// Finishes, however long the store is away.
    async fn finish(&self, ready: &TrainingReady) -> Result<FinishOutcome, StoreError> {
        let policy = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(5))
            .without_max_times();
        (|| self.finish_once(ready))
            .retry(policy)
            .when(StoreError::is_transient)
            .notify(|error: &StoreError, _| {
                warn!(error = chain(error), "a training cannot be finished yet");
            })
            .await
    }

    /// Keeps a delivery from others. Returns only when it is another's.
    async fn keep(&self, receipt: &Receipt) {
        let visibility = self.listener.config.visibility;
        loop {
            tokio::time::sleep(visibility / 2).await;
            let extended = self
                .listener
                .queue
                .extend(&self.name, receipt, visibility)
                .await;
            match extended {
                Ok(()) => {}
                Err(QueueError::StaleReceipt) => return,
                Err(error) => warn!(error = chain(&error), "a delivery cannot be extended"),
            }
        }
    }

    async fn give_back(&self, delivery: &Delivery) {
        let returned = self
            .listener
            .queue
            .retry_after(&self.name, &delivery.receipt, Duration::ZERO)
            .await;
        if let Err(error) = returned {
            warn!(
                error = chain(&error),
                "a delivery comes back only after its visibility"
            );
        }
    }

    async fn dead_letter(&self, delivery: &Delivery, reason: &str) {
        metrics::counter!("ready_messages_total", "outcome" => "dead_lettered").increment(1);
        let moved = self
            .listener
            .queue
            .dead_letter(&self.name, delivery, reason)
            .await;
        match moved {
            Ok(()) => warn!(queue = %self.name, reason, "a message is dead-lettered"),
            // It is received again, and moves by itself after the fifth time.
            Err(error) => error!(
                queue = %self.name,
                reason,
                error = chain(&error),
                "a message cannot be dead-lettered"
            ),
        }
    }
}

fn report(outcome: FinishOutcome, ready: &TrainingReady) {
    let name = match outcome {
        FinishOutcome::Finished => "finished",
        FinishOutcome::AlreadyFinished => "already_finished",
        FinishOutcome::Superseded => "superseded",
        FinishOutcome::NotRegistered => "not_registered",
    };
    metrics::counter!("ready_messages_total", "outcome" => name).increment(1);
    info!(
        service = %ready.service,
        request.id = ready.request_id.map(tracing::field::display),
        outcome = name,
        "a ready message is handled"
    );
}
