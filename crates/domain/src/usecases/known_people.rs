use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use crate::{
    ports::{Accounts, StoreError},
    values::{AccountId, Identity, UserId},
    waiting::{Neighbour, wait_for},
};

/// How many people are remembered. More are asked for again.
const MOST: usize = 50_000;

/// Whose account an account is. That never changes, so the store is asked once for each: a valid token may be of nobody,
/// if its database is another than that in which it was issued.
pub struct KnownPeople {
    accounts: Arc<dyn Accounts>,
    known: Mutex<HashMap<AccountId, UserId>>,
}

impl KnownPeople {
    /// Nobody yet.
    pub fn new(accounts: Arc<dyn Accounts>) -> Self {
        Self {
            accounts,
            known: Mutex::default(),
        }
    }

    /// Somebody signed in.
    pub fn learn(&self, identity: Identity) {
        let mut known = self.known.lock();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(identity.account, identity.user);
    }

    /// Whether the account is known to be the person's; `None` if the store must be asked.
    #[must_use]
    pub fn recall(&self, identity: Identity) -> Option<bool> {
        let known = self.known.lock();
        known
            .get(&identity.account)
            .map(|user| *user == identity.user)
    }

    /// Whether the account is the person's.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn is_known(&self, identity: Identity) -> Result<bool, StoreError> {
        if let Some(known) = self.recall(identity) {
            return Ok(known);
        }
        let reading = self.accounts.account(identity.account);
        let Some(stored) = wait_for(Neighbour::Store, reading).await? else {
            return Ok(false);
        };
        self.learn(Identity {
            user: stored.user,
            account: identity.account,
        });
        Ok(stored.user == identity.user)
    }
}
