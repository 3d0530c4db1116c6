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
    /// The token that the person will bring back.
    pub token: RequestToken,
    /// The request token's secret, sealed.
    pub secret: Sealed,
    /// From this instant on it is not valid.
    pub expires_at: DateTime<Utc>,
}

/// A caller's claim on a pending sign-in: a digest of the verifier that the caller brings. It shows that a call is a
/// repetition, and does not reveal the verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInClaim([u8; 32]);

impl SignInClaim {
    /// The claim of a caller that brings this verifier.
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
/// 1. A pending sign-in can be taken by one claim: of concurrent takes with different claims, exactly one gets it.
/// 2. Any number may be pending at a time; a later one does not change an earlier one.
/// 3. From `expires_at` on, it cannot be taken.
/// 4. A sign-in that was taken may be put again and taken again, by any claim.
/// 5. Putting a token that is pending replaces it.
/// 6. The same claim may take again: a caller that did not get the answer repeats the call.
/// 7. A discarded sign-in cannot be taken; discarding one that is not there changes nothing.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait PendingSignIns: Send + Sync + 'static {
    /// Stores it, unclaimed.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn put(&self, pending: PendingSignIn) -> Result<(), StoreError>;

    /// Claims it, if it is there at `now` and no other claim has it.
    ///
    /// # Errors
    /// Infrastructure only. It may be claimed then; the same claim can take it again.
    async fn take(
        &self,
        token: &RequestToken,
        claim: &SignInClaim,
        now: DateTime<Utc>,
    ) -> Result<Option<PendingSignIn>, StoreError>;

    /// Removes it: it has been used, or can never be used.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn discard(&self, token: &RequestToken) -> Result<(), StoreError>;
}
