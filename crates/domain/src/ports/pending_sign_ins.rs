use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::StoreError;
use crate::{
    sealing::Sealed,
    values::{RequestToken, Verifier},
};

/// A sign-in that waits for the person to come back from the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingSignIn {
    /// What the person will bring back.
    pub token: RequestToken,
    /// The request token's secret, sealed.
    pub secret: Sealed,
    /// From this instant it is worth nothing.
    pub expires_at: DateTime<Utc>,
}

/// Who takes a pending sign-in: a digest of the verifier that they bring. It shows that a call is a repetition, and does
/// not show the verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInClaim([u8; 32]);

impl SignInClaim {
    /// The claim of somebody who brings a verifier.
    #[must_use]
    pub fn of(verifier: &Verifier) -> Self {
        Self(Sha256::digest(verifier.expose().as_bytes()).into())
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Sign-ins in progress.
///
/// # Contract
/// 1. What was put can be taken by one claim: of concurrent takes with different claims exactly one gets it.
/// 2. Any number are pending at a time; a later one does not touch an earlier one.
/// 3. From `expires_at` on, it cannot be taken.
/// 4. What was taken may be put again and taken again, by any claim.
/// 5. Putting a token that is pending replaces it.
/// 6. The same claim may take again: a caller whom the answer did not reach repeats the call.
/// 7. What was discarded cannot be taken; discarding what is not there changes nothing.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait PendingSignIns: Send + Sync + 'static {
    /// Stores it, unclaimed.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn put(&self, pending: PendingSignIn) -> Result<(), StoreError>;

    /// Claims it, if it is there at `now` and not another's.
    ///
    /// # Errors
    /// Infrastructure only. It may be claimed then; the same claim takes it again.
    async fn take(
        &self,
        token: &RequestToken,
        claim: &SignInClaim,
        now: DateTime<Utc>,
    ) -> Result<Option<PendingSignIn>, StoreError>;

    /// Removes it: it has been used, or is good for nothing.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn discard(&self, token: &RequestToken) -> Result<(), StoreError>;
}
