use std::{convert::Infallible, sync::Arc, time::Duration};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, SqlxError,
    sqlx::{PgPool, postgres::PgListener},
};
use tokio::{sync::Notify, task::AbortHandle, time::sleep};
use tracing::warn;

use crate::{
    database::Database,
    error::{cause, driver_cause},
};

/// PostgreSQL's name for the news that the outbox has new rows.
const CHANNEL: &str = "lemon_outbox";

/// How long to wait before listening anew.
const PAUSE: Duration = Duration::from_secs(1);

/// Wakes who waits for outbox rows: in this process at once, and by `LISTEN` and `NOTIFY` in every other replica.
///
/// `NOTIFY` is sent after the commit, not within the transaction: there it would make all commits queue for one lock.
/// A signal that is lost costs a wait until the relay looks by itself, never a row.
#[derive(Debug, Clone)]
pub(crate) struct Signal {
    here: Arc<Notify>,
    replicas: Option<Arc<Replicas>>,
}

/// The way to and from the other replicas. Ends with the last handle.
#[derive(Debug)]
struct Replicas {
    put: Arc<Notify>,
    tasks: [AbortHandle; 2],
}

impl Signal {
    pub(crate) fn new(database: &Database) -> Self {
        let here = Arc::<Notify>::default();
        let replicas = database.news.clone().map(|news| {
            let put = Arc::<Notify>::default();
            let announce = announce(database.writer.clone(), Arc::clone(&put));
            let listen = listen(news, Arc::clone(&here));
            Arc::new(Replicas {
                put,
                tasks: [
                    tokio::spawn(announce).abort_handle(),
                    tokio::spawn(listen).abort_handle(),
                ],
            })
        });
        Self { here, replicas }
    }

    /// Rows were put, and committed.
    pub(crate) fn give(&self) {
        self.here.notify_one();
        if let Some(replicas) = &self.replicas {
            replicas.put.notify_one();
        }
    }

    /// Waits until rows were put since the wait before, here or elsewhere.
    pub(crate) async fn wait(&self) {
        self.here.notified().await;
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Tells the other replicas. What is put while it does is told in one.
async fn announce(writer: DatabaseConnection, put: Arc<Notify>) {
    let notify = format!("NOTIFY {CHANNEL}");
    loop {
        put.notified().await;
        if let Err(error) = writer.execute_unprepared(&notify).await {
            warn!(
                error = cause(&error),
                "the other replicas were not told of new outbox rows"
            );
        }
    }
}

/// Hears from the other replicas, and from this one, which does no harm.
async fn listen(news: PgPool, here: Arc<Notify>) {
    loop {
        let Err(error) = hear(&news, &here).await;
        warn!(
            error = driver_cause(&error),
            "nothing is heard of new outbox rows; listening anew"
        );
        sleep(PAUSE).await;
    }
}

async fn hear(news: &PgPool, here: &Notify) -> Result<Infallible, SqlxError> {
    let mut listener = PgListener::connect_with(news).await?;
    listener.listen(CHANNEL).await?;
    loop {
        // Rows may have been put while nobody listened: at first, and when the connection was lost (`None`).
        here.notify_one();
        listener.try_recv().await?;
    }
}
