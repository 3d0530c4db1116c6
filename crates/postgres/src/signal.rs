use std::sync::Arc;

use tokio::sync::Notify;

use crate::{database::Database, postgresql::Replicas};

/// Wakes who waits for outbox rows: in this process at once, and by `LISTEN` and `NOTIFY` in every other replica.
///
/// A signal that is lost costs a wait until the relay looks by itself, never a row.
#[derive(Debug, Clone)]
pub(crate) struct Signal {
    here: Arc<Notify>,
    replicas: Option<Arc<Replicas>>,
}

impl Signal {
    pub(crate) fn new(database: &Database) -> Self {
        let here = Arc::<Notify>::default();
        let replicas = database.server();
        let replicas = replicas.map(|server| Arc::new(Replicas::new(server, &here)));
        Self { here, replicas }
    }

    /// Rows were put, and committed.
    pub(crate) fn give(&self) {
        self.here.notify_one();
        if let Some(replicas) = &self.replicas {
            replicas.tell();
        }
    }

    /// Waits until rows were put since the wait before, here or elsewhere.
    pub(crate) async fn wait(&self) {
        self.here.notified().await;
    }
}
