use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreError;

/// After this time without a sign of life, a replica counts as gone.
pub const REPLICA_SILENCE: Duration = Duration::from_secs(60);

/// A process that serves with a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// Its id, which it chose at its start.
    pub id: Uuid,
    /// The version of its program, at most 64 characters.
    pub version: String,
}

/// A replica, and when it was last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaSighting {
    /// The replica.
    pub replica: Replica,
    /// How long ago, by the store's clock.
    pub ago: Duration,
}

/// The replicas that serve with a store: for operators, and for changes that no replica may see.
///
/// # Contract
/// 1. A replica that gave a sign of life is listed once, with its latest version and the time since, until it leaves.
/// 2. A sign of life is a durable write: its error tells that the store cannot be written now.
/// 3. To leave twice, or without a sign of life before, changes nothing.
#[async_trait]
pub trait ReplicaRegistry: Send + Sync + 'static {
    /// Gives a sign of life. Replicas that have been silent for longer than [`REPLICA_SILENCE`] are forgotten.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn beat(&self, replica: &Replica) -> Result<(), StoreError>;

    /// Ends the replica's entry.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn leave(&self, id: Uuid) -> Result<(), StoreError>;

    /// The replicas that were seen within [`REPLICA_SILENCE`], the latest first.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn replicas(&self) -> Result<Vec<ReplicaSighting>, StoreError>;
}
