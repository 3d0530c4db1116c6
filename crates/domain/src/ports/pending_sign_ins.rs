use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::StoreError;
use crate::{
    sealing::Sealed,
    values::{Identity, RequestToken, Verifier},
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

/// A sign-in that succeeded, kept for a caller that did not get the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletedSignIn {
    /// The token that the person brought back.
    pub token: RequestToken,
    /// The claim of the caller that completed it.
    pub claim: SignInClaim,
    /// Who signed in.
    pub identity: Identity,
    /// When it was completed.
    pub at: DateTime<Utc>,
    /// From this instant on it is not answered.
    pub answered_until: DateTime<Utc>,
}

/// Sign-ins in progress, and those that were completed a moment ago.
///
/// # Contract
/// 1. A pending sign-in can be taken by one claim: of concurrent takes with different claims, exactly one gets it.
/// 2. Any number of sign-ins may be pending at a time; a later one does not change an earlier one.
/// 3. From `expires_at` on, it cannot be taken.
/// 4. A sign-in that was taken may be put again and taken again, by any claim.
/// 5. `put` with the token of a pending sign-in replaces that sign-in.
/// 6. The same claim may take again: a caller that did not get the answer repeats the call.
/// 7. A discarded sign-in cannot be taken; discarding one that is not there changes nothing.
/// 8. A completed sign-in cannot be taken, and its secret is erased. Until `answered_until`, `completed` answers its
///    identity to the claim that completed it, and `None` to every other.
/// 9. Neither `put` nor `discard` changes a completed sign-in: a concurrent call with the same claim, which Twitter
///    refused, does not undo it. One that was discarded by such a call can be completed.
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

    /// Completes it, whether or not it is still there.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn complete(&self, completed: CompletedSignIn) -> Result<(), StoreError>;

    /// Who signed in with this token and claim, if that is to be answered at `now`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the row cannot be read, or infrastructure.
    async fn completed(
        &self,
        token: &RequestToken,
        claim: &SignInClaim,
        now: DateTime<Utc>,
    ) -> Result<Option<Identity>, StoreError>;
}
