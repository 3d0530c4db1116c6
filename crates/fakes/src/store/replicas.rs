use async_trait::async_trait;
use lemon_domain::ports::{REPLICA_SILENCE, Replica, ReplicaRegistry, ReplicaSighting, StoreError};
use uuid::Uuid;

use super::MemoryStore;

#[async_trait]
impl ReplicaRegistry for MemoryStore {
    async fn beat(&self, replica: &Replica) -> Result<(), StoreError> {
        let now = self.clock.now();
        let replicas = &mut self.state().await.replicas;
        replicas.retain(|(other, seen)| other.id != replica.id && *seen + REPLICA_SILENCE >= now);
        replicas.push((replica.clone(), now));
        Ok(())
    }

    async fn leave(&self, id: Uuid) -> Result<(), StoreError> {
        let mut state = self.state().await;
        state.replicas.retain(|(replica, _)| replica.id != id);
        Ok(())
    }

    async fn replicas(&self) -> Result<Vec<ReplicaSighting>, StoreError> {
        let now = self.clock.now();
        let state = self.state().await;
        let seen = state
            .replicas
            .iter()
            .rev()
            .map(|(replica, seen)| ReplicaSighting {
                replica: replica.clone(),
                ago: (now - seen).to_std().unwrap_or_default(),
            });
        Ok(seen.filter(|seen| seen.ago <= REPLICA_SILENCE).collect())
    }
}
