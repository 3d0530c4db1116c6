use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The time.
///
/// # Contract
/// 1. Whole microseconds: what every store keeps.
/// 2. Any replica's clock is within a few seconds of the others'. Nothing exact hangs on it.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> DateTime<Utc>;
}

/// Unpredictable ids and bytes.
///
/// # Contract
/// 1. No two answers are alike, over all replicas.
/// 2. No answer can be guessed from others.
pub trait IdSource: Send + Sync + 'static {
    /// A fresh UUID, for request ids and token ids.
    fn uuid(&self) -> Uuid;

    /// A fresh nonce for sealing.
    fn nonce(&self) -> [u8; 24];
}
