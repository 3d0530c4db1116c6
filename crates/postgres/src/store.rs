use std::{future::Future, sync::Arc, time::Duration};

use backon::{ConstantBuilder, Retryable};
use lemon_domain::ports::StoreError;
use tokio::{sync::Mutex, time::timeout};

use crate::{
    PostgresError, StoreConfig,
    database::{Database, Executor, Transaction, patience},
    error::SqlError,
    migrate,
    registrations::{Group, LastUses},
    signal::Signal,
};

/// How often an opening that met a lock is repeated.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The store in a SQL database. Clones share their connections.
///
/// One method of a port is one statement or one transaction, and ends within the deadline. All that two callers
/// could do to the same person at once is decided by a constraint or a lock of the database, never by what was read before.
#[derive(Debug, Clone)]
pub struct SqlStore {
    database: Database,
    deadline: Duration,
    outbox: Signal,
    group: Option<Group>,
    last_uses: Option<LastUses>,
    correcting: Arc<Mutex<()>>,
}

impl SqlStore {
    /// Connects. The schema stays as it is: see [`SqlStore::migrate`].
    ///
    /// # Errors
    /// If the database is not reached, or a newer program has changed it.
    pub async fn connect(config: &StoreConfig) -> Result<Self, PostgresError> {
        let open = || async {
            let database = Database::open(config).await?;
            migrate::refuse_newer(&database).await?;
            Ok(database)
        };
        let times = config.deadline.as_millis() / LOOK_AGAIN.as_millis();
        let until_the_deadline = ConstantBuilder::default()
            .with_delay(LOOK_AGAIN)
            .with_max_times(usize::try_from(times).unwrap_or(usize::MAX));
        // SQLite waits for no lock while a fresh file becomes a WAL database: whoever comes second is refused.
        let database = open.retry(until_the_deadline).when(is_locked).await?;
        Ok(Self {
            outbox: Signal::new(&database),
            correcting: Arc::default(),
            group: database.server().is_none().then(Group::default),
            last_uses: database.server().is_some().then(LastUses::default),
            database,
            deadline: config.deadline,
        })
    }

    /// Brings the schema up to date: all that is missing, or nothing. Any number of replicas may do so at once.
    ///
    /// # Errors
    /// If a migration fails, or a newer program has changed the database.
    pub async fn migrate(&self) -> Result<(), PostgresError> {
        migrate::up(&self.database).await
    }

    /// Takes the latest migrations back, and with them what was stored in what they made.
    ///
    /// # Errors
    /// If a migration fails.
    pub async fn roll_back(&self, steps: u32) -> Result<(), PostgresError> {
        migrate::down(&self.database, steps).await
    }

    /// The migrations that are missing, in order. Changes nothing.
    ///
    /// # Errors
    /// If the database does not answer, or a newer program has changed it.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, PostgresError> {
        migrate::pending(&self.database).await
    }

    /// Returns when the store can never write again, with the cause: the disk under a file has lost what was written to it.
    /// The program must end then; a new start reads what is really there. Never returns for a server.
    pub async fn failed(&self) -> String {
        self.database.failed().await
    }

    /// Closes the connections: those in use when their call ends.
    pub async fn close(&self) {
        self.database.close().await;
    }

    #[cfg(test)]
    pub(crate) const fn database(&self) -> &Database {
        &self.database
    }

    #[cfg(test)]
    pub(crate) const fn database_mut(&mut self) -> &mut Database {
        &mut self.database
    }

    /// Where requests wait for each other, if the database has one writer.
    pub(crate) const fn group(&self) -> Option<&Group> {
        self.group.as_ref()
    }

    /// Where questions for latest uses wait for each other, if each is a round trip to a server.
    pub(crate) const fn last_uses(&self) -> Option<&LastUses> {
        self.last_uses.as_ref()
    }

    /// Whoever corrects a budget's total has it.
    pub(crate) fn correcting(&self) -> &Mutex<()> {
        &self.correcting
    }

    /// How long a call may take.
    pub(crate) const fn deadline(&self) -> Duration {
        self.deadline
    }

    /// For what only reads.
    pub(crate) const fn reader(&self) -> &Executor {
        &self.database.reader
    }

    /// For what changes something in one statement.
    pub(crate) const fn writer(&self) -> &Executor {
        &self.database.writer
    }

    /// For what changes something in several statements.
    pub(crate) async fn begin(&self) -> Result<Transaction, SqlError> {
        self.refuse_if_failed()?;
        let patience = patience(self.deadline);
        timeout(patience, self.database.begin())
            .await
            .map_err(|_| SqlError::BeginTimedOut(patience))?
            .map_err(SqlError::Begin)
    }

    /// Commits a transaction, for good.
    pub(crate) async fn commit(&self, tx: Transaction) -> Result<(), SqlError> {
        tx.commit().await.map_err(SqlError::Commit)?;
        self.flush().await
    }

    /// Returns when what was committed before the call is there for good.
    pub(crate) async fn flush(&self) -> Result<(), SqlError> {
        self.database.flush().await.map_err(SqlError::Flush)
    }

    /// Commits a transaction that put rows in the outbox, and wakes who waits for them.
    pub(crate) async fn commit_outbox(&self, tx: Transaction) -> Result<(), SqlError> {
        self.commit(tx).await?;
        self.outbox.give();
        Ok(())
    }

    /// What tells of rows that were put in the outbox.
    pub(crate) fn outbox(&self) -> &Signal {
        &self.outbox
    }

    /// Has a statement that changes something changed it for good, within the deadline.
    pub(crate) async fn write<T: Send>(
        &self,
        statement: impl Future<Output = Result<T, SqlError>> + Send,
    ) -> Result<T, StoreError> {
        self.within_deadline(async {
            let outcome = statement.await?;
            self.flush().await?;
            Ok(outcome)
        })
        .await
    }

    /// Ends a call at its deadline. A transaction that is under way then is rolled back, unless it is being committed.
    pub(crate) async fn within_deadline<T>(
        &self,
        call: impl Future<Output = Result<T, SqlError>> + Send,
    ) -> Result<T, StoreError> {
        self.refuse_if_failed()?;
        timeout(self.deadline, call)
            .await
            .unwrap_or(Err(SqlError::TimedOut(self.deadline)))
            .map_err(StoreError::from)
    }

    /// Begins nothing over a disk that has failed: it could not be vouched for.
    fn refuse_if_failed(&self) -> Result<(), SqlError> {
        self.database
            .failure()
            .map_or(Ok(()), |cause| Err(SqlError::DiskFailed(cause)))
    }
}

fn is_locked(error: &PostgresError) -> bool {
    matches!(error, PostgresError::Unreached { cause, .. } if cause == "database is locked")
}
