use std::{sync::Arc, time::Duration};

use lemon_domain::{
    ports::{OverdueTraining, StoreError},
    usecases::{Swept, TrainingSweep},
    values::{Catalogue, Service},
};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use crate::chain::chain;

/// Overdue trainings that are read at a time, and how often in one sweep: what is left waits for the next.
const PORTION: u32 = 50;
const PORTIONS: usize = 20;

/// After how many trainings in a row that a fault kept from being settled the store is taken to be away.
const PATIENCE: usize = 3;

/// Announces trainings that the workers lost again, and in the end lets them fail, where the operator sees it.
pub struct TrainingWatch {
    /// What is done.
    pub trainings: TrainingSweep,
    /// For which services.
    pub catalogue: Arc<Catalogue>,
}

impl TrainingWatch {
    /// How often to look, so that the shortest deadline is met: each minute, or more often.
    #[must_use]
    pub fn every(&self) -> Duration {
        let deadlines = self.catalogue.iter().map(|it| it.training.deadline / 4);
        let shortest = deadlines.min().unwrap_or(Duration::MAX);
        shortest.clamp(Duration::from_millis(250), Duration::from_mins(1))
    }

    /// Sweeps until `stop`. What fails is tried again the next time.
    pub async fn run(&self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(self.every());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => self.sweep(&stop).await,
                () = stop.cancelled() => return,
            }
        }
    }

    /// Settles what is overdue of each service. What one fails with does not hold the others.
    pub async fn sweep(&self, stop: &CancellationToken) {
        for service in self.catalogue.iter() {
            if let Err(error) = self.sweep_service(service, stop).await {
                warn!(
                    service = %service.service_type,
                    error = chain(&error),
                    "overdue trainings cannot be settled"
                );
            }
        }
    }

    async fn sweep_service(
        &self,
        service: &Service,
        stop: &CancellationToken,
    ) -> Result<(), StoreError> {
        let mut failed_in_a_row = 0;
        for _ in 0..PORTIONS {
            let overdue = self.trainings.overdue(service, PORTION).await?;
            for training in &overdue {
                if stop.is_cancelled() {
                    return Ok(());
                }
                match self.settle(service, training).await {
                    Ok(()) => failed_in_a_row = 0,
                    Err(error) if failed_in_a_row + 1 == PATIENCE => return Err(error),
                    Err(error) => {
                        failed_in_a_row += 1;
                        warn!(
                            service = %training.service,
                            request.id = %training.request_id,
                            error = chain(&error),
                            "an overdue training cannot be settled yet"
                        );
                    }
                }
            }
            if overdue.len() < PORTION as usize {
                break;
            }
        }
        Ok(())
    }

    /// Settles one training. One that cannot be settled for a reason of its own is passed over.
    async fn settle(
        &self,
        service: &Service,
        training: &OverdueTraining,
    ) -> Result<(), StoreError> {
        match self.trainings.settle(service, training).await {
            Ok(swept) => {
                report(&swept, training);
                Ok(())
            }
            Err(error) if error.is_transient() => Err(error),
            Err(error) => {
                error!(
                    service = %training.service,
                    request.id = %training.request_id,
                    error = chain(&error),
                    "an overdue training cannot be settled and is passed over"
                );
                Ok(())
            }
        }
    }
}

fn report(swept: &Swept, training: &OverdueTraining) {
    let service = training.service.to_string();
    match swept {
        Swept::Announced => {
            metrics::counter!("trainings_announced_again_total", "service" => service).increment(1);
            warn!(
                service = %training.service,
                request.id = %training.request_id,
                announcements = training.announcements,
                "a training is overdue and is announced to the workers again"
            );
        }
        Swept::Failed { given_back } => {
            metrics::counter!("trainings_failed_total", "service" => service).increment(1);
            error!(
                service = %training.service,
                request.id = %training.request_id,
                announcements = training.announcements,
                "a training has failed: the workers did not finish it"
            );
            if let Err(error) = given_back {
                warn!(
                    request.id = %training.request_id,
                    error = chain(error),
                    "the place of a failed training is given back by the next reconciliation"
                );
            }
        }
        Swept::Waiting | Swept::Overtaken => debug!(
            service = %training.service,
            request.id = %training.request_id,
            outcome = ?swept,
            "an overdue training is left as it is"
        ),
    }
}
