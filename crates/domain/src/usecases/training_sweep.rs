use std::sync::Arc;

use super::{Quotas, QuotasError};
use crate::{
    ports::{
        Clock, OverdueOutcome, OverduePosition, OverdueStep, OverdueTraining, StoreError,
        TrainingDeadlines,
    },
    values::{BudgetKey, Service},
};

/// What was done about an overdue training.
#[derive(Debug)]
pub enum Swept {
    /// The workers get the job again.
    Announced,
    /// It has failed.
    Failed {
        /// Whether the counter has its places back. If not, the next reconciliation gives them back.
        given_back: Result<(), QuotasError>,
    },
    /// Its job was not sent yet.
    Waiting,
    /// Another replica was first.
    Overtaken,
}

/// Ends every training. A training that the workers lost is announced again, and fails in the end, so that nobody waits
/// for ever and no place is wasted.
///
/// Any number of replicas may sweep at once.
pub struct TrainingSweep {
    /// Overdue trainings.
    pub deadlines: Arc<dyn TrainingDeadlines>,
    /// The quota counter that gets places back.
    pub quotas: Arc<Quotas>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl TrainingSweep {
    /// The overdue trainings of a service, longest overdue first, at most `max`; only those `after` a position if one
    /// is given.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn overdue(
        &self,
        service: &Service,
        after: Option<OverduePosition>,
        max: u32,
    ) -> Result<Vec<OverdueTraining>, StoreError> {
        let (name, deadline) = (&service.service_type, service.training.deadline);
        self.deadlines
            .overdue(name, deadline, after, max, self.clock.now())
            .await
    }

    /// Announces an overdue training of the service again or, if that was done often enough, lets it fail.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn settle(
        &self,
        service: &Service,
        training: &OverdueTraining,
    ) -> Result<Swept, StoreError> {
        let budgets = service.budgets_at(training.found_at);
        let running: Vec<BudgetKey> = budgets.into_iter().map(|budget| budget.key).collect();
        let step = if training.announcements < service.training.attempts {
            OverdueStep::Announce
        } else {
            OverdueStep::Fail {
                running: running.clone(),
            }
        };
        Ok(match self.deadlines.settle(training, step).await? {
            OverdueOutcome::Announced => Swept::Announced,
            OverdueOutcome::Waiting => Swept::Waiting,
            OverdueOutcome::Overtaken => Swept::Overtaken,
            OverdueOutcome::Failed { turn: None } => Swept::Failed { given_back: Ok(()) },
            // After the record, not before: the counter must not give away places that are still recorded.
            OverdueOutcome::Failed { turn: Some(turn) } => Swept::Failed {
                given_back: self
                    .quotas
                    .release(&service.holder(turn), &running, self.clock.now())
                    .await,
            },
        })
    }
}
