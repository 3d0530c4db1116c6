use std::sync::Arc;

use tokio::sync::Notify;

use crate::{database::Database, postgresql::Replicas};

/// Wakes callers that wait for outbox rows: in this process at once, in every other replica by `LISTEN` and `NOTIFY`.
///
/// A lost signal costs a wait until the relay's next poll, never a row.
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

    /// Announces that rows were put and committed.
    pub(crate) fn give(&self) {
        self.here.notify_one();
        if let Some(replicas) = &self.replicas {
            replicas.tell();
        }
    }

    /// Waits until rows were put here or elsewhere since the previous wait.
    pub(crate) async fn wait(&self) {
        self.here.notified().await;
    }
}
