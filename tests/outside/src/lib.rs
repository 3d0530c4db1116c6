//! A program that exports reports for tenants. It knows nothing of Twitter.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_consumer::{Rendered, Renderer};
use lemon_domain::{
    ports::{Backlog, Outbox, OutboxEntry, PlaceRecord, RecordSums, StoreError},
    values::{BudgetKey, Place, QueueName, Segment, Sums},
};

/// The content of an outbox row: the report to export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report(pub String);

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("report")
    }
}

/// The exports, each with its place, and the outbox.
#[derive(Default)]
pub struct Ledger {
    rows: Mutex<VecDeque<OutboxEntry<Report>>>,
    places: Mutex<Vec<(BudgetKey, Place)>>,
}

impl Ledger {
    /// Puts a row.
    pub fn put(&self, entry: OutboxEntry<Report>) {
        held(&self.rows).push_back(entry);
    }

    /// Records a place.
    pub fn record(&self, key: BudgetKey, place: Place) {
        held(&self.places).push((key, place));
    }

    fn of(&self, key: &BudgetKey) -> Vec<Place> {
        let places = held(&self.places);
        let theirs = places.iter().filter(|(of, _)| of == key);
        theirs.map(|(_, place)| place.clone()).collect()
    }
}

#[async_trait]
impl Outbox<Report> for Ledger {
    async fn claim(
        &self,
        max: u32,
        _lease: Duration,
        _now: DateTime<Utc>,
    ) -> Result<Vec<OutboxEntry<Report>>, StoreError> {
        let rows = held(&self.rows);
        let unclaimed = rows.iter().filter(|row| row.attempt == 0);
        let many = usize::try_from(max).unwrap_or(usize::MAX);
        Ok(unclaimed.take(many).cloned().collect())
    }

    async fn remove(&self, ids: &[i64]) -> Result<(), StoreError> {
        held(&self.rows).retain(|row| !ids.contains(&row.id));
        Ok(())
    }

    async fn postpone(
        &self,
        _entry: &OutboxEntry<Report>,
        _until: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    async fn set_aside(
        &self,
        entry: &OutboxEntry<Report>,
        _at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.remove(&[entry.id]).await
    }

    async fn backlog(&self, _now: DateTime<Utc>) -> Result<Backlog, StoreError> {
        Ok(Backlog {
            rows: held(&self.rows).len() as u64,
            oldest: Duration::ZERO,
            set_aside: 0,
        })
    }

    async fn changed(&self) {
        std::future::pending().await
    }
}

#[async_trait]
impl PlaceRecord for Ledger {
    async fn sums(&self, key: &BudgetKey, from: Segment) -> Result<RecordSums, StoreError> {
        let mut segments = std::collections::BTreeMap::new();
        for place in self.of(key) {
            let sums: &mut Option<Sums> = segments.entry(Segment::of(place.seat)).or_default();
            sums.get_or_insert_default().add(&place);
        }
        segments.retain(|segment, _| *segment >= from);
        Ok(RecordSums {
            units: segments.values().flatten().map(|sums| sums.units).sum(),
            segments,
            next: None,
        })
    }

    async fn segment(&self, key: &BudgetKey, segment: Segment) -> Result<Vec<Place>, StoreError> {
        let mut places = self.of(key);
        places.retain(|place| Segment::of(place.seat) == segment);
        Ok(places)
    }

    async fn total(&self, key: &BudgetKey) -> Result<u64, StoreError> {
        let places = self.of(key);
        Ok(places.iter().map(|place| u64::from(place.units)).sum())
    }

    async fn correct_total(&self, _key: &BudgetKey) -> Result<bool, StoreError> {
        Ok(false)
    }
}

/// Renders each report as a message.
pub struct Exports(pub QueueName);

#[async_trait]
impl Renderer<Report> for Exports {
    async fn render(&self, entries: &[OutboxEntry<Report>]) -> Result<Vec<Rendered>, StoreError> {
        let message = |entry: &OutboxEntry<Report>| Rendered::Send {
            queue: self.0.clone(),
            body: entry.content.0.clone(),
        };
        Ok(entries.iter().map(message).collect())
    }
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
