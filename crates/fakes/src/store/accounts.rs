use std::collections::BTreeSet;

use async_trait::async_trait;
use lemon_domain::{
    ports::{Accounts, SignIn, StoreError, StoredAccount},
    values::{AccountId, UserId},
};

use super::{MemoryStore, SignedInAt, StoreState, people::is_sealed};

#[async_trait]
impl Accounts for MemoryStore {
    async fn sign_in(&self, sign_in: SignIn) -> Result<UserId, StoreError> {
        let mut state = self.state().await;
        let at = sign_in.at;
        let first = SignedInAt {
            first: at,
            latest: at,
        };
        let signed_in = state.signed_in.entry(sign_in.account).or_insert(first);
        signed_in.latest = at;
        let StoreState {
            accounts,
            last_user,
            ..
        } = &mut *state;
        let stored = accounts.entry(sign_in.account).or_insert_with(|| {
            *last_user += 1;
            StoredAccount {
                user: UserId::new(*last_user),
                account: sign_in.account,
                credentials: sign_in.credentials.clone(),
            }
        });
        stored.credentials = sign_in.credentials;
        Ok(stored.user)
    }

    async fn account(&self, account: AccountId) -> Result<Option<StoredAccount>, StoreError> {
        Ok(self.state().await.sealed_account(account).cloned())
    }

    async fn accounts(&self, accounts: &[AccountId]) -> Result<Vec<StoredAccount>, StoreError> {
        let state = self.state().await;
        let wanted: BTreeSet<_> = accounts.iter().copied().collect();
        let found = wanted.into_iter().filter_map(|it| state.sealed_account(it));
        Ok(found.cloned().collect())
    }

    async fn sealing_key_ids(&self) -> Result<Vec<String>, StoreError> {
        let state = self.state().await;
        let ids: BTreeSet<_> = state
            .accounts
            .values()
            .filter(|account| is_sealed(account))
            .map(|account| account.credentials.key_id.clone())
            .collect();
        Ok(ids.into_iter().collect())
    }
}
