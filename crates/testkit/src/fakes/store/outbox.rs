use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::ports::{Backlog, Outbox, OutboxEntry, StoreError};

use super::MemoryStore;

#[async_trait]
impl Outbox for MemoryStore {
    async fn claim(
        &self,
        max: u32,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let mut state = self.state().await;
        let due = state
            .outbox
            .values_mut()
            .filter(|row| row.due_at <= now)
            .take(usize::try_from(max).unwrap_or(usize::MAX));
        Ok(due
            .map(|row| {
                row.due_at = now + lease;
                row.entry.attempt += 1;
                row.entry.clone()
            })
            .collect())
    }

    async fn remove(&self, ids: &[i64]) -> Result<(), StoreError> {
        let mut state = self.state().await;
        state.outbox.retain(|id, _| !ids.contains(id));
        Ok(())
    }

    async fn postpone(&self, entry: &OutboxEntry, until: DateTime<Utc>) -> Result<(), StoreError> {
        let mut state = self.state().await;
        if let Some(row) = state.outbox.get_mut(&entry.id)
            && row.entry.attempt == entry.attempt
        {
            row.due_at = until;
        }
        Ok(())
    }

    async fn backlog(&self, now: DateTime<Utc>) -> Result<Backlog, StoreError> {
        let state = self.state().await;
        let oldest = state.outbox.values().map(|row| row.entry.created_at).min();
        Ok(Backlog {
            rows: u64::try_from(state.outbox.len()).unwrap(),
            oldest: oldest
                .and_then(|put_at| (now - put_at).to_std().ok())
                .unwrap_or_default(),
        })
    }

    async fn changed(&self) {
        self.row_put.notified().await;
    }
}
