use std::{collections::HashSet, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{Backlog, Outbox, OutboxEntry, StoreError},
    values::Task,
};

use super::{Mechanism, MemoryStore, OutboxRow};

impl OutboxRow {
    /// Whether both are in the same sequence.
    fn follows(&self, other: &Self) -> bool {
        self.entry.content.sequence() == other.entry.content.sequence()
    }
}

#[async_trait]
impl Outbox<Task> for MemoryStore {
    async fn claim(
        &self,
        max: u32,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Vec<OutboxEntry<Task>>, StoreError> {
        let mut state = self.state().await;
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        // Only the first row of each sequence, because the others wait behind it.
        let ordered = state.has(Mechanism::Sequence);
        let mut seen = HashSet::new();
        let first_of_each = state
            .outbox
            .values()
            .filter(|row| row.set_aside_at.is_none())
            .filter(|row| {
                let first =
                    seen.insert((row.entry.content.account, row.entry.content.service.clone()));
                first || !ordered
            });
        let due = first_of_each.filter(|row| row.due_at <= now);
        let mut due: Vec<_> = due.map(|row| (row.due_at, row.entry.id)).collect();
        due.sort_unstable();
        due.truncate(max);
        due.sort_unstable_by_key(|(_, id)| *id);
        let mut claimed = Vec::new();
        for (_, id) in due {
            let row = state.outbox.get_mut(&id).expect("it was there");
            row.due_at = now + lease;
            row.entry.attempt += 1;
            claimed.push(row.entry.clone());
        }
        for late in claimed.iter().filter(|entry| entry.is_late(now)) {
            state.restart_deadline(late.request_id, now);
        }
        Ok(claimed)
    }

    async fn remove(&self, ids: &[i64]) -> Result<(), StoreError> {
        let mut state = self.state().await;
        let removed: Vec<OutboxRow> = ids
            .iter()
            .filter_map(|id| state.outbox.remove(id))
            .collect();
        let goes_on = |row: &OutboxRow| {
            state
                .outbox
                .values()
                .any(|other| other.follows(row) && other.set_aside_at.is_none())
        };
        if removed.iter().any(goes_on) {
            self.row_put.notify_one();
        }
        Ok(())
    }

    async fn set_aside(
        &self,
        entry: &OutboxEntry<Task>,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut state = self.state().await;
        if let Some(row) = state.outbox.get_mut(&entry.id)
            && row.entry.attempt == entry.attempt
        {
            row.set_aside_at = Some(at);
            self.row_put.notify_one();
        }
        Ok(())
    }

    async fn postpone(
        &self,
        entry: &OutboxEntry<Task>,
        until: DateTime<Utc>,
    ) -> Result<(), StoreError> {
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
        let (set_aside, waiting): (Vec<&OutboxRow>, Vec<&OutboxRow>) = state
            .outbox
            .values()
            .partition(|row| row.set_aside_at.is_some());
        let oldest = waiting.iter().map(|row| row.entry.created_at).min();
        Ok(Backlog {
            rows: u64::try_from(waiting.len()).unwrap(),
            set_aside: u64::try_from(set_aside.len()).unwrap(),
            oldest: oldest
                .and_then(|put_at| (now - put_at).to_std().ok())
                .unwrap_or_default(),
        })
    }

    async fn changed(&self) {
        self.row_put.notified().await;
    }
}
