use std::{convert::Infallible, future::Future, io, sync::Arc, time::Duration};

use sea_orm::{ConnectionTrait, SqlxError, sqlx::Executor};
use tokio::{
    sync::Notify,
    task::AbortHandle,
    time::{sleep, timeout},
};
use tracing::warn;

use super::server::Server;
use crate::error::{cause, driver_cause};

/// The pause before listening again.
const PAUSE: Duration = Duration::from_secs(1);

/// How long to wait for news before the server is asked whether it is there: a connection that was cut silently looks
/// like one on which nothing happens.
const SILENCE: Duration = Duration::from_secs(5);

/// How long the server may take to answer that.
const PROOF: Duration = Duration::from_secs(2);

/// The notifications to and from the other replicas. Both tasks end with the last owner.
///
/// `NOTIFY` is sent after the commit, not within the transaction: there it would make all commits queue for one lock.
#[derive(Debug)]
pub(crate) struct Replicas {
    put: Arc<Notify>,
    tasks: [AbortHandle; 2],
}

impl Replicas {
    /// Notifies the other replicas through the server, and notifies this one through `here`.
    pub(crate) fn new(server: &Arc<Server>, here: &Arc<Notify>) -> Self {
        let put = Arc::<Notify>::default();
        let announce = announce(Arc::clone(server), Arc::clone(&put));
        let listen = listen(Arc::clone(server), Arc::clone(here));
        Self {
            put,
            tasks: [
                tokio::spawn(announce).abort_handle(),
                tokio::spawn(listen).abort_handle(),
            ],
        }
    }

    /// Announces that rows were put and committed.
    pub(crate) fn tell(&self) {
        self.put.notify_one();
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Notifies the other replicas. Rows that are put while it does so share the next notification.
async fn announce(server: Arc<Server>, put: Arc<Notify>) {
    let writer = server.writer();
    // Quoted, as the driver's `LISTEN` is: without quotes, PostgreSQL would change capitals to small letters.
    let notify = format!("NOTIFY \"{}\"", server.channel);
    loop {
        put.notified().await;
        let told = timeout(server.deadline, writer.execute_unprepared(&notify));
        let error = match told.await {
            Ok(Ok(_)) => continue,
            Ok(Err(error)) => cause(&error),
            Err(_) => "timed out".to_owned(),
        };
        warn!(error, "the other replicas were not told of new outbox rows");
    }
}

/// Receives the notifications of the other replicas, and of this one, which does no harm.
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

/// Listens until the connection is lost or does not answer any more. Silence alone means neither.
async fn hear(server: &Server, here: &Notify) -> Result<Infallible, SqlxError> {
    let mut listener = server.listener().await?;
    in_time(PROOF, listener.listen(&server.channel)).await?;
    // Rows may have been put while nothing listened.
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
