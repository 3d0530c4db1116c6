use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::values::UserId;

/// How many revocations one call lists at most.
pub const REVOCATION_PORTION: u32 = 1_000;

/// A digest of a token, which names it and does not reveal it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenDigest(pub [u8; 32]);

/// The tokens that are revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RevokedTokens {
    /// This one.
    One(TokenDigest),
    /// All of a person that were issued until the revocation.
    AllOf(UserId),
}

/// Tokens that are not accepted although they have not expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// Which.
    pub tokens: RevokedTokens,
    /// When they were revoked.
    pub at: DateTime<Utc>,
    /// From this instant on they have expired by themselves.
    pub expires_at: DateTime<Utc>,
}

/// A stored revocation and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberedRevocation {
    /// Later revocations have higher numbers. A transaction that takes long may show a lower one later.
    pub number: i64,
    /// The revocation.
    pub revocation: Revocation,
}

/// The revocations of tokens. They are stored, so that each replica knows them, also one that starts later.
///
/// # Contract
/// 1. A revocation is listed, unchanged, as soon as `revoke` has returned, with a number higher than all that were
///    listed before.
/// 2. `revocations` answers those with numbers above the given one, in their order, at most [`REVOCATION_PORTION`].
/// 3. A person has one revocation: a later one replaces the earlier, and has a number of its own.
/// 4. To revoke a token again changes nothing.
/// 5. An expired revocation is listed until a purge removes it.
#[async_trait]
pub trait Revocations: Send + Sync + 'static {
    /// Stores a revocation.
    ///
    /// # Errors
    /// Infrastructure only. It may be stored then; the same call can be repeated.
    async fn revoke(&self, revocation: &Revocation) -> Result<(), StoreError>;

    /// The revocations after a number.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if a row cannot be read, or infrastructure.
    async fn revocations(&self, after: i64) -> Result<Vec<NumberedRevocation>, StoreError>;
}
