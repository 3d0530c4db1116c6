use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time::timeout};

use crate::{
    database::Database,
    postgresql::{Heard, Replicas},
};

/// How often the directives are looked at if news of them may be lost.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// The same if nobody brings news: another process may have written to the file, or notifications are turned off.
const LOOK_OFTEN: Duration = Duration::from_millis(500);

/// Wakes callers that wait for outbox rows, or for directives: in this process at once, in every other replica by
/// `LISTEN` and `NOTIFY`, unless that is turned off.
///
/// A lost signal costs a wait until the next poll, never a row.
#[derive(Debug, Clone)]
pub(crate) struct Signal {
    here: Heard,
    replicas: Option<Arc<Replicas>>,
}

impl Signal {
    pub(crate) fn new(database: &Database) -> Self {
        let here = Heard {
            rows: Arc::<Notify>::default(),
            directives: Arc::<Notify>::default(),
        };
        let replicas = database.server();
        let replicas = replicas.map(|server| Arc::new(Replicas::new(server, &here)));
        Self { here, replicas }
    }

    /// Announces that rows were put and committed.
    pub(crate) fn give(&self) {
        self.here.rows.notify_one();
        if let Some(replicas) = &self.replicas {
            replicas.tell();
        }
    }

    /// Waits until rows were put here or elsewhere since the previous wait.
    pub(crate) async fn wait(&self) {
        self.here.rows.notified().await;
    }

    /// Announces that directives were changed and committed. The caller's process may end next, so this waits until the
    /// server has the news.
    pub(crate) async fn give_directives(&self) {
        self.here.directives.notify_one();
        if let Some(replicas) = &self.replicas {
            replicas.tell_directives().await;
        }
    }

    /// Waits until directives may have been changed here or elsewhere since the previous wait.
    pub(crate) async fn wait_for_directives(&self) {
        let hears = |replicas: &Arc<Replicas>| replicas.hears();
        let limit = if self.replicas.as_ref().is_some_and(hears) {
            LOOK_AGAIN
        } else {
            LOOK_OFTEN
        };
        let _in_time = timeout(limit, self.here.directives.notified()).await;
    }
}
