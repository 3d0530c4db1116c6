//! `MemoryEarlierSystem` keeps the contract of a source of imports.

use std::sync::Arc;

use async_trait::async_trait;
use lemon_contracts::{Subject, import_source::EarlierSystem};
use lemon_domain::ports::{EarlierPerson, ImportSource};
use lemon_fakes::MemoryEarlierSystem;
use parking_lot::Mutex;

/// What is stored, and the highest number of those who were removed.
#[derive(Default)]
struct Rows(Mutex<(Vec<EarlierPerson>, Option<i64>)>);

#[async_trait]
impl EarlierSystem for Rows {
    async fn put(&self, people: &[EarlierPerson]) {
        self.0.lock().0.extend_from_slice(people);
    }

    async fn put_and_remove(&self, id: i64) {
        let mut rows = self.0.lock();
        rows.1 = rows.1.max(Some(id));
    }

    async fn picture(&self) -> Arc<dyn ImportSource> {
        let (people, removed) = self.0.lock().clone();
        Arc::new(MemoryEarlierSystem::new(people, removed))
    }
}

async fn subject() -> Subject<dyn EarlierSystem> {
    Subject::new(Arc::new(Rows::default()))
}

lemon_contracts::import_source_suite!(subject);
