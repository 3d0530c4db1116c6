use std::sync::Arc;

use crate::{
    ports::{Clock, FinishOutcome, IdSource, Registrations, StoreError},
    values::{RequestId, TrainingReady},
};

/// Trainings that come back from the workers.
pub struct Trainings {
    /// Registrations.
    pub registrations: Arc<dyn Registrations>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Request ids, for delete jobs.
    pub ids: Arc<dyn IdSource>,
}

impl Trainings {
    /// Marks a training as finished. Repeated messages have no further effect.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn finish(&self, ready: &TrainingReady) -> Result<FinishOutcome, StoreError> {
        let request_id = RequestId::new(self.ids.uuid());
        self.registrations
            .finish(ready, request_id, self.clock.now())
            .await
    }
}
