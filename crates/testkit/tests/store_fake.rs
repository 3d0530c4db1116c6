//! `MemoryStore` keeps the contracts of the store family.

use std::sync::Arc;

use lemon_testkit::{Store, Subject, fakes::MemoryStore};

async fn subject() -> Subject<dyn Store> {
    Subject::new(Arc::new(MemoryStore::default()))
}

lemon_testkit::store_suites!(subject);
