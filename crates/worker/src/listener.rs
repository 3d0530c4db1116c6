use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use lemon_domain::{
    ports::{Delivery, FinishOutcome, JobQueue},
    usecases::Trainings,
    values::{Catalogue, TrainingReady},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{
    chain::chain,
    consumer::{Consumer, ConsumerConfig, ConsumerError, Handler, Verdict},
    messages,
};

/// How the listener works; the defaults suit production.
#[derive(Debug, Clone)]
pub struct ListenerConfig {
    /// Receive calls at a time, for each queue.
    pub pollers: usize,
    /// Deliveries in hand at a time, for each queue; at least [`MAX_BATCH`](lemon_domain::ports::MAX_BATCH).
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
/// There is no batch barrier: each delivery is acknowledged or dead-lettered on its own. It is dead-lettered only for
/// what is wrong with the message or the person's rows. For whatever else the store does not do, a delivery stays in
/// hand, so that an outage does not use up its receives.
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
    /// Listens until `stop`. Then deliveries in hand get one try and are acknowledged, or put back as new messages.
    ///
    /// # Errors
    /// If a part of it ends before the stop. The others are finished.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> Result<(), ConsumerError> {
        let stop = stop.child_token();
        let mut consumers = JoinSet::new();
        for name in self.catalogue.ready_queues() {
            let consumer = Consumer {
                queue: Arc::clone(&self.queue),
                name,
                handler: Arc::clone(&self),
                config: self.config.clone().into(),
            };
            consumers.spawn(consumer.run(stop.clone()));
        }
        let mut outcome = Ok(());
        while let Some(ended) = consumers.join_next().await {
            let ended = ended.unwrap_or_else(|error| Err(error.into()));
            outcome = outcome.and(ended);
            // The end of one is the end of all.
            stop.cancel();
        }
        outcome
    }

    fn read(&self, body: &str) -> Result<TrainingReady, String> {
        let ready = messages::parse_ready(body).map_err(|error| chain(&error))?;
        if self.catalogue.by_type(&ready.service).is_none() {
            return Err("service_name is of no service here".to_owned());
        }
        Ok(ready)
    }
}

#[async_trait]
impl Handler for ReadyListener {
    async fn handle(&self, delivery: &Delivery) -> Verdict {
        let ready = match self.read(&delivery.body) {
            Ok(ready) => ready,
            Err(reason) => return wrong(reason),
        };
        match self.trainings.finish(&ready).await {
            Ok(outcome) => {
                report(outcome, &ready);
                Verdict::Done
            }
            Err(error) if error.is_of_the_call() => wrong(chain(&error)),
            Err(error) => Verdict::Later(chain(&error)),
        }
    }
}

impl From<ListenerConfig> for ConsumerConfig {
    fn from(config: ListenerConfig) -> Self {
        Self {
            pollers: config.pollers,
            concurrency: config.concurrency,
            visibility: config.visibility,
            wait: config.wait,
        }
    }
}

fn wrong(reason: String) -> Verdict {
    metrics::counter!("ready_messages_total", "outcome" => "dead_lettered").increment(1);
    Verdict::Wrong(reason)
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
