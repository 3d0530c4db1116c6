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

/// The text of a notification of directives; one of outbox rows has none.
const DIRECTIVES: &str = "directives";

/// The waiting callers of this process.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    /// Those that wait for outbox rows.
    pub(crate) rows: Arc<Notify>,
    /// Those that wait for directives.
    pub(crate) directives: Arc<Notify>,
}

/// The notifications to the other replicas, and from them unless they are turned off. The tasks end with the last owner.
///
/// `NOTIFY` is sent after the commit, not within the transaction: there it would make all commits queue for one lock.
#[derive(Debug)]
pub(crate) struct Replicas {
    server: Arc<Server>,
    put: Arc<Notify>,
    hears: bool,
    tasks: Vec<AbortHandle>,
}

impl Replicas {
    /// Notifies the other replicas through the server, and notifies this one through `here`.
    pub(crate) fn new(server: &Arc<Server>, here: &Heard) -> Self {
        let put = Arc::<Notify>::default();
        let announce = announce(Arc::clone(server), Arc::clone(&put));
        let mut tasks = vec![tokio::spawn(announce).abort_handle()];
        let hears = server.separate.listens();
        if hears {
            let listen = listen(Arc::clone(server), here.clone());
            tasks.push(tokio::spawn(listen).abort_handle());
        }
        Self {
            server: Arc::clone(server),
            put,
            hears,
            tasks,
        }
    }

    /// Tells whether this replica is notified of what others do.
    pub(crate) const fn hears(&self) -> bool {
        self.hears
    }

    /// Announces that rows were put and committed.
    pub(crate) fn tell(&self) {
        self.put.notify_one();
    }

    /// Announces that directives were changed and committed.
    pub(crate) async fn tell_directives(&self) {
        let notify = format!("NOTIFY \"{}\", '{DIRECTIVES}'", self.server.channel);
        if let Some(error) = failed_notification(&self.server, &notify).await {
            warn!(error, "the other replicas were not notified of directives");
        }
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
    // Quoted, as the driver's `LISTEN` is: without quotes, PostgreSQL would change capitals to small letters.
    let notify = format!("NOTIFY \"{}\"", server.channel);
    loop {
        put.notified().await;
        if let Some(error) = failed_notification(&server, &notify).await {
            warn!(
                error,
                "the other replicas were not notified of new outbox rows"
            );
        }
    }
}

/// Sends a notification; answers why it failed, if it did.
async fn failed_notification(server: &Server, notify: &str) -> Option<String> {
    let writer = server.writer();
    match timeout(server.deadline, writer.execute_unprepared(notify)).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(cause(&error)),
        Err(_) => Some("timed out".to_owned()),
    }
}

/// Receives the notifications of the other replicas, and of this one, which does no harm.
async fn listen(server: Arc<Server>, here: Heard) {
    loop {
        let Err(error) = hear(&server, &here).await;
        warn!(
            error = driver_cause(&error),
            "notifications of new outbox rows cannot be received; listening on a new connection"
        );
        sleep(PAUSE).await;
    }
}

/// Listens until the connection is lost or does not answer any more. Silence alone means neither.
async fn hear(server: &Server, here: &Heard) -> Result<Infallible, SqlxError> {
    let mut listener = server.separate.listener().await?;
    in_time(PROOF, listener.listen(&server.channel)).await?;
    // Rows may have been put while nothing listened.
    here.rows.notify_one();
    here.directives.notify_one();
    loop {
        match timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(news))) if news.payload() == DIRECTIVES => here.directives.notify_one(),
            Ok(Ok(Some(_))) => here.rows.notify_one(),
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
