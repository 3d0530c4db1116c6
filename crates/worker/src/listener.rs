use std::sync::Arc;

use async_trait::async_trait;
use lemon_consumer::{Consumer, ConsumerConfig, ConsumerError, Handler, Malformed, Outcome};
use lemon_domain::{
    ports::{FinishOutcome, JobQueue},
    usecases::Trainings,
    values::{Catalogue, TrainingReady},
    with_causes,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::messages;

/// Handles the workers' ready messages.
///
/// A message is dead-lettered at once only for a fault in the message or in the person's rows. After any other failure
/// of the store, a delivery is held, so that an outage does not use up its receives.
pub struct ReadyListener {
    /// The source of the messages.
    pub queue: Arc<dyn JobQueue>,
    /// Finishes the trainings.
    pub trainings: Arc<Trainings>,
    /// The services and their queues.
    pub catalogue: Arc<Catalogue>,
    /// How each of the queues is consumed.
    pub config: ConsumerConfig,
}

impl ReadyListener {
    /// Listens until `stop`, then drains.
    ///
    /// # Errors
    /// If a consumer ends before the stop. The others are drained.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> Result<(), ConsumerError> {
        let stop = stop.child_token();
        let mut consumers = JoinSet::new();
        for name in self.catalogue.ready_queues() {
            let consumer = Consumer::new(Arc::clone(&self.queue), name, Arc::clone(&self))
                .with_config(self.config.clone());
            consumers.spawn(consumer.run(stop.clone()));
        }
        let mut outcome = Ok(());
        while let Some(ended) = consumers.join_next().await {
            let ended = ended.unwrap_or_else(|error| Err(error.into()));
            outcome = outcome.and(ended);
            // If one ends, all end.
            stop.cancel();
        }
        outcome
    }
}

#[async_trait]
impl Handler for ReadyListener {
    type Message = TrainingReady;

    fn decode(&self, body: &str) -> Result<TrainingReady, Malformed> {
        let malformed = |reason| {
            count("dead_lettered");
            Malformed::new(reason)
        };
        let ready = messages::parse_ready(body).map_err(|error| malformed(with_causes(&error)))?;
        match self.catalogue.by_type(&ready.service) {
            Some(_) => Ok(ready),
            None => Err(malformed("service_name is of no service here".to_owned())),
        }
    }

    async fn handle(&self, ready: &TrainingReady) -> Outcome {
        match self.trainings.finish(ready).await {
            Ok(outcome) => {
                report(outcome, ready);
                match outcome {
                    FinishOutcome::Finished | FinishOutcome::NotRegistered => Outcome::Done,
                    // Nothing was written, so even a store that cannot write may have answered this.
                    FinishOutcome::AlreadyFinished | FinishOutcome::Superseded => {
                        Outcome::AlreadyDone
                    }
                }
            }
            Err(error) if error.is_of_the_call() => {
                count("dead_lettered");
                Outcome::dead_letter(with_causes(&error))
            }
            Err(error) => Outcome::hold(with_causes(&error)),
        }
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("ready_messages_total", "outcome" => outcome).increment(1);
}

fn report(outcome: FinishOutcome, ready: &TrainingReady) {
    let name = match outcome {
        FinishOutcome::Finished => "finished",
        FinishOutcome::AlreadyFinished => "already_finished",
        FinishOutcome::Superseded => "superseded",
        FinishOutcome::NotRegistered => "not_registered",
    };
    count(name);
    info!(
        service = %ready.service,
        request.id = ready.request_id.map(tracing::field::display),
        outcome = name,
        "a ready message is handled"
    );
}
