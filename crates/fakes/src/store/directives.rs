use std::time::Duration;

use async_trait::async_trait;
use lemon_domain::{
    ports::{Directives, GivenDirective, StoreError},
    values::Directive,
};
use tokio::time::timeout;

use super::MemoryStore;

/// The longest wait for a change.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

#[async_trait]
impl Directives for MemoryStore {
    async fn directives(&self) -> Result<Vec<GivenDirective>, StoreError> {
        Ok(self.state().await.directives.values().cloned().collect())
    }

    async fn give(&self, given: &GivenDirective) -> Result<(), StoreError> {
        let mut state = self.state().await;
        let name = given.directive.to_string();
        state.directives.insert(name, given.clone());
        self.directives_changed.notify_one();
        Ok(())
    }

    async fn withdraw(&self, directive: &Directive) -> Result<bool, StoreError> {
        let mut state = self.state().await;
        let withdrawn = state.directives.remove(&directive.to_string());
        self.directives_changed.notify_one();
        Ok(withdrawn.is_some())
    }

    async fn directives_changed(&self) {
        let _in_time = timeout(LOOK_AGAIN, self.directives_changed.notified()).await;
    }
}
