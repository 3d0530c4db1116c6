use std::sync::Arc;

use async_trait::async_trait;
use lemon_consumer::{
    Consumer, ConsumerConfig, ConsumerError, Control, Handler, Malformed, Outcome,
};
use lemon_domain::{
    ports::{FinishOutcome, JobQueue},
    traces::Tracer,
    usecases::Trainings,
    values::{Catalogue, TrainingReady},
    with_causes,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use crate::{
    measures::{DEAD_LETTERED, TrainingEnd, name_of, ready_message, training_ended},
    messages,
};

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
    /// Pauses and resumes all of them.
    pub control: Control,
    /// Each message is a span of the trace that it belongs to.
    pub tracer: Tracer,
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
                .with_config(self.config.clone())
                .with_control(self.control.clone())
                .with_tracer(self.tracer.clone());
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
            ready_message(DEAD_LETTERED);
            Malformed::new(reason)
        };
        let ready = messages::parse_ready(body).map_err(|error| malformed(with_causes(&error)))?;
        match self.catalogue.by_type(&ready.service) {
            Some(_) => Ok(ready),
            None => Err(malformed(
                "service_name names no configured service".to_owned(),
            )),
        }
    }

    async fn handle(&self, ready: &TrainingReady) -> Outcome {
        match self.trainings.finish(ready).await {
            Ok(outcome) => {
                report(outcome, ready);
                match outcome {
                    FinishOutcome::Finished { .. } | FinishOutcome::NotRegistered => Outcome::Done,
                    // Nothing was written, so even a store that cannot write may have answered this.
                    FinishOutcome::AlreadyFinished | FinishOutcome::Superseded => {
                        Outcome::AlreadyDone
                    }
                }
            }
            Err(error) if error.is_of_the_call() => {
                ready_message(DEAD_LETTERED);
                Outcome::dead_letter(with_causes(&error))
            }
            Err(error) => Outcome::hold(with_causes(&error)),
        }
    }
}

fn report(outcome: FinishOutcome, ready: &TrainingReady) {
    let name = name_of(outcome);
    ready_message(name);
    match outcome {
        FinishOutcome::Finished { user, request_id } => {
            training_ended(&ready.service, TrainingEnd::Finished);
            info!(
                user.id = %user,
                account.id = %ready.account,
                service = %ready.service,
                request.id = %request_id,
                "a training has finished"
            );
        }
        FinishOutcome::NotRegistered => info!(
            account.id = %ready.account,
            service = %ready.service,
            request.id = ready.request_id.map(tracing::field::display),
            "a training has finished for somebody who is not registered: its data is deleted"
        ),
        FinishOutcome::AlreadyFinished | FinishOutcome::Superseded => debug!(
            account.id = %ready.account,
            service = %ready.service,
            request.id = ready.request_id.map(tracing::field::display),
            outcome = name,
            "a ready message changes nothing"
        ),
    }
}
