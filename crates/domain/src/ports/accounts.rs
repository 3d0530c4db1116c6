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
    /// When.
    pub at: DateTime<Utc>,
}

/// An account as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAccount {
    /// Whose it is.
    pub user: UserId,
    /// Which it is.
    pub account: AccountId,
    /// The credentials of the latest sign-in, sealed.
    pub credentials: Sealed,
}

/// People and their accounts.
///
/// # Contract
/// 1. A first sign-in makes one person and one account; concurrent first sign-ins of one account make one person.
/// 2. A later sign-in answers the same person and replaces the credentials.
/// 3. Two accounts are two people's, until something else joins them.
/// 4. What was signed in is read back exactly; an account never seen is `None`, and not among several.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// Signs an account in; signs it up on first sight.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn sign_in(&self, sign_in: SignIn) -> Result<UserId, StoreError>;

    /// The account, if it ever signed in.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn account(&self, account: AccountId) -> Result<Option<StoredAccount>, StoreError>;

    /// Those of the accounts that ever signed in, each once, in no order.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if any of them is, or infrastructure.
    async fn accounts(&self, accounts: &[AccountId]) -> Result<Vec<StoredAccount>, StoreError>;
}
