use std::{collections::HashMap, sync::Arc, time::Duration};

use lemon_domain::{
    ports::{OverduePosition, OverdueTraining, StoreError},
    usecases::{Swept, TrainingSweep},
    values::{Catalogue, Service, ServiceType},
    with_causes,
};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use crate::measures::{TrainingEnd, training_announced_again, training_ended};

/// How many overdue trainings are read at a time, and how often in one sweep: the next sweep continues behind them.
const PORTION: u32 = 50;
const PORTIONS: usize = 20;

/// After so many trainings in a row that a fault kept from being settled, the store counts as unavailable.
const PATIENCE: usize = 3;

/// Announces trainings that the workers lost again, and in the end marks them as failed, where the operator sees it.
pub struct TrainingWatch {
    trainings: TrainingSweep,
    catalogue: Arc<Catalogue>,
    /// Where the next sweep of a service continues, if the latest one did not reach the end: a training that cannot be
    /// settled must not hide those behind it.
    positions: HashMap<ServiceType, OverduePosition>,
}

impl TrainingWatch {
    /// How long a step that is under way at the stop may take. The next sweep of any replica does the rest.
    pub const STOP_WITHIN: Duration = Duration::from_secs(15);

    /// Watches the trainings of these services.
    #[must_use]
    pub fn new(trainings: TrainingSweep, catalogue: Arc<Catalogue>) -> Self {
        Self {
            trainings,
            catalogue,
            positions: HashMap::new(),
        }
    }

    /// How often to sweep, so that the shortest deadline is met: each minute, or more often.
    #[must_use]
    pub fn every(&self) -> Duration {
        let deadlines = self.catalogue.iter().map(|it| it.training.deadline / 4);
        let shortest = deadlines.min().unwrap_or(Duration::MAX);
        shortest.clamp(Duration::from_millis(250), Duration::from_secs(60))
    }

    /// Sweeps until `stop`. Failed work is tried again later.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(self.every());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let stopped = async {
                stop.cancelled().await;
                tokio::time::sleep(Self::STOP_WITHIN).await;
            };
            tokio::select! {
                biased;
                () = self.sweep(&stop) => {}
                () = stopped => return,
            }
        }
    }

    /// Settles the overdue trainings of each service. A failure for one service does not stop the others.
    pub async fn sweep(&mut self, stop: &CancellationToken) {
        let catalogue = Arc::clone(&self.catalogue);
        for service in catalogue.iter() {
            if let Err(error) = self.sweep_service(service, stop).await {
                warn!(
                    service = %service.service_type,
                    error = with_causes(&error),
                    "overdue trainings cannot be settled"
                );
            }
        }
    }

    async fn sweep_service(
        &mut self,
        service: &Service,
        stop: &CancellationToken,
    ) -> Result<(), StoreError> {
        let mut failed_in_a_row = 0;
        for _ in 0..PORTIONS {
            let after = self.positions.get(&service.service_type).copied();
            let overdue = self.trainings.overdue(service, after, PORTION).await?;
            for training in &overdue {
                if stop.is_cancelled() {
                    return Ok(());
                }
                let position = training.position();
                self.positions
                    .insert(service.service_type.clone(), position);
                match self.settle(service, training).await {
                    Ok(()) => failed_in_a_row = 0,
                    Err(error) if failed_in_a_row + 1 == PATIENCE => return Err(error),
                    Err(error) => {
                        failed_in_a_row += 1;
                        warn!(
                            service = %training.service,
                            request.id = %training.request_id,
                            error = with_causes(&error),
                            "an overdue training cannot be settled yet and will be tried again"
                        );
                    }
                }
            }
            // A row that cannot be read is left out, so only an empty portion is the end.
            if overdue.is_empty() {
                self.positions.remove(&service.service_type);
                break;
            }
        }
        Ok(())
    }

    /// Settles one training. A training that cannot be settled because of its own fault is skipped.
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
                    error = with_causes(&error),
                    "an overdue training cannot be settled, so it is skipped"
                );
                Ok(())
            }
        }
    }
}

fn report(swept: &Swept, training: &OverdueTraining) {
    match swept {
        Swept::Announced => {
            training_announced_again(&training.service);
            warn!(
                service = %training.service,
                request.id = %training.request_id,
                announcements = training.announcements,
                "a training is overdue, so it was announced to the workers again"
            );
        }
        Swept::Failed { given_back } => {
            training_ended(&training.service, TrainingEnd::Failed);
            error!(
                service = %training.service,
                request.id = %training.request_id,
                announcements = training.announcements,
                "a training has failed: the workers did not finish it"
            );
            if let Err(error) = given_back {
                warn!(
                    request.id = %training.request_id,
                    error = with_causes(error),
                    "the place of a failed training could not be given back now: the next reconciliation gives it back"
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
