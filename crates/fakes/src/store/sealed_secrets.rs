use std::collections::BTreeMap;

use async_trait::async_trait;
use lemon_domain::{
    ports::{KeyUse, ResealedSecret, SealedSecrets, SecretOwner, StoreError, StoredSecret},
    sealing::Sealed,
};

use super::{MemoryStore, StoreState, StoredSignIn, people::is_sealed};

#[async_trait]
impl SealedSecrets for MemoryStore {
    async fn key_uses(&self) -> Result<Vec<KeyUse>, StoreError> {
        let mut uses = BTreeMap::<String, KeyUse>::new();
        for StoredSecret { owner, sealed } in self.state().await.sealed_secrets() {
            let none = KeyUse {
                key_id: sealed.key_id.clone(),
                accounts: 0,
                sign_ins: 0,
            };
            let of_key = uses.entry(sealed.key_id).or_insert(none);
            match owner {
                SecretOwner::Account(_) => of_key.accounts += 1,
                SecretOwner::SignIn(_) => of_key.sign_ins += 1,
            }
        }
        Ok(uses.into_values().collect())
    }

    async fn sealed_with(
        &self,
        key_id: &str,
        skip: u64,
        max: u64,
    ) -> Result<Vec<StoredSecret>, StoreError> {
        let index = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let secrets = self.state().await.sealed_secrets().into_iter();
        let of_key = secrets.filter(|secret| secret.sealed.key_id == key_id);
        Ok(of_key.skip(index(skip)).take(index(max)).collect())
    }

    async fn reseal(&self, secrets: &[ResealedSecret]) -> Result<u64, StoreError> {
        let mut state = self.state().await;
        let mut resealed = 0;
        for ResealedSecret { stored, fresh } in secrets {
            if let Some(sealed) = state.sealed(&stored.owner)
                && *sealed == stored.sealed
            {
                sealed.clone_from(fresh);
                resealed += 1;
            }
        }
        Ok(resealed)
    }
}

impl StoreState {
    /// Every secret: those of accounts, then those of sign-ins, each in an order of their own.
    fn sealed_secrets(&self) -> Vec<StoredSecret> {
        let accounts = self.accounts.values().filter(|it| is_sealed(it));
        let accounts = accounts.map(|account| StoredSecret {
            owner: SecretOwner::Account(account.account),
            sealed: account.credentials.clone(),
        });
        let mut pending: Vec<_> = self
            .sign_ins
            .values()
            .filter_map(|it| match it {
                StoredSignIn::Pending { pending, .. } => Some(pending),
                StoredSignIn::Completed(_) => None,
            })
            .collect();
        pending.sort_unstable_by_key(|pending| pending.token.as_str());
        let sign_ins = pending.into_iter().map(|pending| StoredSecret {
            owner: SecretOwner::SignIn(pending.token.clone()),
            sealed: pending.secret.clone(),
        });
        accounts.chain(sign_ins).collect()
    }

    fn sealed(&mut self, owner: &SecretOwner) -> Option<&mut Sealed> {
        match owner {
            SecretOwner::Account(account) => {
                let account = self.accounts.get_mut(account);
                account.map(|account| &mut account.credentials)
            }
            SecretOwner::SignIn(token) => match self.sign_ins.get_mut(token)? {
                StoredSignIn::Pending { pending, .. } => Some(&mut pending.secret),
                StoredSignIn::Completed(_) => None,
            },
        }
    }
}
