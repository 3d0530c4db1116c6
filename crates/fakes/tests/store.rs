//! `MemoryStore` keeps the contracts of the store family.

use std::sync::Arc;

use lemon_contracts::{Store, Subject};
use lemon_fakes::MemoryStore;

async fn subject() -> Subject<dyn Store> {
    Subject::new(Arc::new(MemoryStore::default()))
}

lemon_contracts::store_suites!(subject);
