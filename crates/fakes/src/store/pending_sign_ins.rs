use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{PendingSignIn, PendingSignIns, SignInClaim, StoreError},
    values::RequestToken,
};

use super::{Claimable, MemoryStore};

#[async_trait]
impl PendingSignIns for MemoryStore {
    async fn put(&self, pending: PendingSignIn) -> Result<(), StoreError> {
        let mut state = self.state().await;
        let claimable = Claimable {
            pending,
            claim: None,
        };
        let token = claimable.pending.token.clone();
        state.pending.insert(token, claimable);
        Ok(())
    }

    async fn take(
        &self,
        token: &RequestToken,
        claim: &SignInClaim,
        now: DateTime<Utc>,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        let mut state = self.state().await;
        let found = state.pending.get_mut(token);
        let mine = found.filter(|it| {
            now < it.pending.expires_at && it.claim.is_none_or(|claimed| claimed == *claim)
        });
        Ok(mine.map(|it| {
            it.claim = Some(*claim);
            it.pending.clone()
        }))
    }

    async fn discard(&self, token: &RequestToken) -> Result<(), StoreError> {
        self.state().await.pending.remove(token);
        Ok(())
    }
}
