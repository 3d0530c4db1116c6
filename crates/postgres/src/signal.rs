use std::{convert::Infallible, future::Future, io, sync::Arc, time::Duration};

use sea_orm::{ConnectionTrait, SqlxError, sqlx::Executor};
use tokio::{
    sync::Notify,
    task::AbortHandle,
    time::{sleep, timeout},
};
use tracing::warn;

use crate::{
    database::{Database, Server},
    error::{cause, driver_cause},
};

/// How long to wait before listening again.
const PAUSE: Duration = Duration::from_secs(1);

/// After how long without news the server is asked whether it is there: a line that was cut without a word looks as one
/// on which nothing happens.
const SILENCE: Duration = Duration::from_secs(5);

/// How long it may take to answer that.
const PROOF: Duration = Duration::from_secs(2);

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
        let replicas = database.server().cloned().map(|server| {
            let put = Arc::<Notify>::default();
            let announce = announce(database.clone(), server.channel(), Arc::clone(&put));
            let listen = listen(server, Arc::clone(&here));
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
fn announce(
    database: Database,
    channel: &str,
    put: Arc<Notify>,
) -> impl Future<Output = ()> + use<> {
    // In quotes, as the driver listens: without them capitals would be others.
    let notify = format!("NOTIFY \"{channel}\"");
    async move { announce_by(&database, &notify, &put).await }
}

async fn announce_by(database: &Database, notify: &str, put: &Notify) {
    loop {
        put.notified().await;
        let told = timeout(
            database.deadline,
            database.writer.execute_unprepared(notify),
        );
        let error = match told.await {
            Ok(Ok(_)) => continue,
            Ok(Err(error)) => cause(&error),
            Err(_) => "timed out".to_owned(),
        };
        warn!(error, "the other replicas were not told of new outbox rows");
    }
}

/// Hears from the other replicas, and from this one, which does no harm.
async fn listen(server: Arc<Server>, here: Arc<Notify>) {
    loop {
        let Err(error) = hear(&server, &here).await;
        warn!(
            error = driver_cause(&error),
            "nothing is heard of new outbox rows; listening on a new connection"
        );
        sleep(PAUSE).await;
    }
}

/// Listens until the connection is lost, or does not answer any more: silence alone says neither.
async fn hear(server: &Server, here: &Notify) -> Result<Infallible, SqlxError> {
    let mut listener = server.listener().await?;
    in_time(PROOF, listener.listen(server.channel())).await?;
    // Rows may have been put while nobody listened.
    here.notify_one();
    loop {
        match timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(_))) => here.notify_one(),
            Ok(Ok(None)) => return Err(SqlxError::Io(io::ErrorKind::ConnectionAborted.into())),
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                in_time(PROOF, listener.execute("SELECT 1")).await?;
            }
        }
    }
}

async fn in_time<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, SqlxError>>,
) -> Result<T, SqlxError> {
    timeout(limit, call)
        .await
        .unwrap_or_else(|_| Err(SqlxError::Io(io::ErrorKind::TimedOut.into())))
}
