use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::{sealing::Sealed, values::RequestToken};

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

/// Sign-ins in progress.
///
/// # Contract
/// 1. What was put can be taken once; of concurrent takes exactly one gets it.
/// 2. Any number are pending at a time; a later one does not touch an earlier one.
/// 3. From `expires_at` on, it is gone.
/// 4. What was taken may be put again and taken again.
/// 5. Putting a token that is pending replaces it.
#[async_trait]
pub trait PendingSignIns: Send + Sync + 'static {
    /// Keeps it.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn put(&self, pending: PendingSignIn) -> Result<(), StoreError>;

    /// Takes it out, if it is there at `now`.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn take(
        &self,
        token: &RequestToken,
        now: DateTime<Utc>,
    ) -> Result<Option<PendingSignIn>, StoreError>;
}
