use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::{
    sealing::Sealed,
    values::{AccountId, UserId},
};

/// A completed sign-in.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// The account the provider vouched for.
    pub account: AccountId,
    /// Its fresh credentials, sealed.
    pub credentials: Sealed,
    /// When it was completed.
    pub at: DateTime<Utc>,
}

/// An account as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAccount {
    /// The person who owns it.
    pub user: UserId,
    /// Its id.
    pub account: AccountId,
    /// The credentials of the latest sign-in, sealed.
    pub credentials: Sealed,
}

/// People and their accounts.
///
/// # Contract
/// 1. A first sign-in makes one person and one account; concurrent first sign-ins of one account make one person.
/// 2. A later sign-in answers the same person and replaces the credentials.
/// 3. Two accounts belong to two people, unless something outside of this port joins them.
/// 4. The data of a sign-in is read back exactly. An account that never signed in is `None`, and is left out of an
///    answer about several accounts.
/// 5. The ids of the sealing keys are those that the stored credentials need, each once.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// Signs an account in; signs it up the first time.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn sign_in(&self, sign_in: SignIn) -> Result<UserId, StoreError>;

    /// The account, if it has ever signed in and was not [forgotten](super::People::forget) since.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn account(&self, account: AccountId) -> Result<Option<StoredAccount>, StoreError>;

    /// Those of the accounts that `account` answers, each once, in no order.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if any of them is corrupt, or infrastructure.
    async fn accounts(&self, accounts: &[AccountId]) -> Result<Vec<StoredAccount>, StoreError>;

    /// The ids of the keys that the credentials are sealed with, in order. Costs as much as there are keys, however
    /// many accounts there are.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn sealing_key_ids(&self) -> Result<Vec<String>, StoreError>;
}
