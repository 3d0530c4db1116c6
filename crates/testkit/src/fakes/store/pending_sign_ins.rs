use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{PendingSignIn, PendingSignIns, StoreError},
    values::RequestToken,
};

use super::MemoryStore;

#[async_trait]
impl PendingSignIns for MemoryStore {
    async fn put(&self, pending: PendingSignIn) -> Result<(), StoreError> {
        let mut state = self.state().await;
        state.pending.insert(pending.token.clone(), pending);
        Ok(())
    }

    async fn take(
        &self,
        token: &RequestToken,
        now: DateTime<Utc>,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        let pending = self.state().await.pending.remove(token);
        Ok(pending.filter(|it| now < it.expires_at))
    }
}
