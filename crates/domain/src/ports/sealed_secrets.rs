use async_trait::async_trait;

use super::StoreError;
use crate::{
    sealing::{SealContext, Sealed},
    values::{AccountId, RequestToken},
};

/// Whose a sealed secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretOwner {
    /// An account: its credentials.
    Account(AccountId),
    /// A pending sign-in: the secret of its request token.
    SignIn(RequestToken),
}

impl SecretOwner {
    /// What the secret is bound to.
    #[must_use]
    pub const fn context(&self) -> SealContext<'_> {
        match self {
            Self::Account(account) => SealContext::AccountCredentials(*account),
            Self::SignIn(token) => SealContext::RequestTokenSecret(token),
        }
    }
}

/// A secret as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSecret {
    /// Whose it is.
    pub owner: SecretOwner,
    /// The secret, sealed.
    pub sealed: Sealed,
}

/// A stored secret, and the same secret sealed with another key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResealedSecret {
    /// As it was read.
    pub stored: StoredSecret,
    /// To store instead.
    pub fresh: Sealed,
}

/// What is sealed with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// The key.
    pub key_id: String,
    /// How many accounts have credentials that are sealed with it.
    pub accounts: u64,
    /// How many pending sign-ins have a secret that is sealed with it, those that have expired and are not purged yet
    /// included.
    pub sign_ins: u64,
}

/// Everything that a store has sealed, for a change of keys while others use it.
///
/// # Contract
/// 1. The uses of the keys are in the order of their ids, each key once, and only keys in use. Erased credentials use
///    none.
/// 2. The secrets of a key have an order that stays while nothing is written: an answer begins after `skip` of them, and
///    has at most `max`.
/// 3. `reseal` replaces a secret only if it is still as it was read: one that was replaced or removed since stays as it
///    is, and is not counted.
/// 4. Apart from its seal, nothing changes: neither the owner of an account nor the claim and the expiry of a sign-in.
#[async_trait]
pub trait SealedSecrets: Send + Sync + 'static {
    /// What each key is used for. Reads every secret's key id.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn key_uses(&self) -> Result<Vec<KeyUse>, StoreError>;

    /// A portion of the secrets that are sealed with a key.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if an owner cannot be read, or infrastructure.
    async fn sealed_with(
        &self,
        key_id: &str,
        skip: u64,
        max: u64,
    ) -> Result<Vec<StoredSecret>, StoreError>;

    /// Replaces the seals of secrets, together; answers how many were replaced.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn reseal(&self, secrets: &[ResealedSecret]) -> Result<u64, StoreError>;
}
