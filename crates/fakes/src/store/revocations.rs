use async_trait::async_trait;
use lemon_domain::ports::{
    NumberedRevocation, REVOCATION_PORTION, Revocation, Revocations, RevokedTokens, StoreError,
};

use super::MemoryStore;

#[async_trait]
impl Revocations for MemoryStore {
    async fn revoke(&self, revocation: &Revocation) -> Result<(), StoreError> {
        let mut state = self.state().await;
        let is_known = |known: &Revocation| known.tokens == revocation.tokens;
        match revocation.tokens {
            RevokedTokens::One(_) if state.revocations.values().any(is_known) => return Ok(()),
            RevokedTokens::One(_) => {}
            RevokedTokens::AllOf(_) => state.revocations.retain(|_, known| !is_known(known)),
        }
        state.last_revocation += 1;
        let number = state.last_revocation;
        state.revocations.insert(number, *revocation);
        Ok(())
    }

    async fn revocations(&self, after: i64) -> Result<Vec<NumberedRevocation>, StoreError> {
        let state = self.state().await;
        let later = state.revocations.range(after.saturating_add(1)..);
        let listed = later.map(|(number, revocation)| NumberedRevocation {
            number: *number,
            revocation: *revocation,
        });
        Ok(listed.take(REVOCATION_PORTION as usize).collect())
    }
}
