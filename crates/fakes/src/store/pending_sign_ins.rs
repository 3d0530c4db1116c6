use std::collections::hash_map::Entry;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{CompletedSignIn, PendingSignIn, PendingSignIns, SignInClaim, StoreError},
    values::{Identity, RequestToken},
};

use super::{MemoryStore, StoredSignIn};

#[async_trait]
impl PendingSignIns for MemoryStore {
    async fn put(&self, pending: PendingSignIn) -> Result<(), StoreError> {
        let mut state = self.state().await;
        match state.sign_ins.entry(pending.token.clone()) {
            Entry::Occupied(entry) if matches!(entry.get(), StoredSignIn::Completed(_)) => {}
            entry => {
                entry.insert_entry(StoredSignIn::Pending {
                    pending,
                    claim: None,
                });
            }
        }
        Ok(())
    }

    async fn take(
        &self,
        token: &RequestToken,
        claim: &SignInClaim,
        now: DateTime<Utc>,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        let mut state = self.state().await;
        let Some(StoredSignIn::Pending { pending, claim: by }) = state.sign_ins.get_mut(token)
        else {
            return Ok(None);
        };
        if pending.expires_at <= now || by.is_some_and(|by| by != *claim) {
            return Ok(None);
        }
        *by = Some(*claim);
        Ok(Some(pending.clone()))
    }

    async fn discard(&self, token: &RequestToken) -> Result<(), StoreError> {
        let mut state = self.state().await;
        if let Some(StoredSignIn::Pending { .. }) = state.sign_ins.get(token) {
            state.sign_ins.remove(token);
        }
        Ok(())
    }

    async fn complete(&self, completed: CompletedSignIn) -> Result<(), StoreError> {
        let mut state = self.state().await;
        let token = completed.token.clone();
        state
            .sign_ins
            .insert(token, StoredSignIn::Completed(completed));
        Ok(())
    }

    async fn completed(
        &self,
        token: &RequestToken,
        claim: &SignInClaim,
        now: DateTime<Utc>,
    ) -> Result<Option<Identity>, StoreError> {
        let state = self.state().await;
        let Some(StoredSignIn::Completed(completed)) = state.sign_ins.get(token) else {
            return Ok(None);
        };
        let is_answered = completed.claim == *claim && now < completed.answered_until;
        Ok(is_answered.then_some(completed.identity))
    }
}
