use std::collections::BTreeSet;

use async_trait::async_trait;
use lemon_domain::{
    ports::{Accounts, SignIn, StoreError, StoredAccount},
    values::{AccountId, UserId},
};

use super::MemoryStore;

#[async_trait]
impl Accounts for MemoryStore {
    async fn sign_in(&self, sign_in: SignIn) -> Result<UserId, StoreError> {
        let mut state = self.state().await;
        let next = UserId::new(i64::try_from(state.accounts.len()).unwrap() + 1);
        let stored = state
            .accounts
            .entry(sign_in.account)
            .or_insert_with(|| StoredAccount {
                user: next,
                account: sign_in.account,
                credentials: sign_in.credentials.clone(),
            });
        stored.credentials = sign_in.credentials;
        Ok(stored.user)
    }

    async fn account(&self, account: AccountId) -> Result<Option<StoredAccount>, StoreError> {
        Ok(self.state().await.accounts.get(&account).cloned())
    }

    async fn accounts(&self, accounts: &[AccountId]) -> Result<Vec<StoredAccount>, StoreError> {
        let state = self.state().await;
        let wanted: BTreeSet<_> = accounts.iter().collect();
        let found = wanted.into_iter().filter_map(|it| state.accounts.get(it));
        Ok(found.cloned().collect())
    }
}
