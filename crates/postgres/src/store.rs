use std::{future::Future, time::Duration};

use backon::{ConstantBuilder, Retryable};
use lemon_domain::ports::StoreError;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use tokio::time::timeout;

use crate::{
    ConnectError, StoreConfig,
    database::{Database, patience},
    error::SqlError,
    migrate,
    registrations::Group,
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
}

impl SqlStore {
    /// Connects. The schema stays as it is: see [`SqlStore::migrate`].
    ///
    /// # Errors
    /// If the database is not reached, or a newer program has changed it.
    pub async fn connect(config: &StoreConfig) -> Result<Self, ConnectError> {
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
            group: database.one_writer.then(Group::default),
            database,
            deadline: config.deadline,
        })
    }

    /// Brings the schema up to date: all that is missing, or nothing. Any number of replicas may do so at once.
    ///
    /// # Errors
    /// If a migration fails, or a newer program has changed the database.
    pub async fn migrate(&self) -> Result<(), ConnectError> {
        migrate::up(&self.database).await
    }

    /// Takes the latest migrations back, and with them what was stored in what they made.
    ///
    /// # Errors
    /// If a migration fails.
    pub async fn roll_back(&self, steps: u32) -> Result<(), ConnectError> {
        migrate::down(&self.database, steps).await
    }

    /// The migrations that are missing, in order. Changes nothing.
    ///
    /// # Errors
    /// If the database does not answer, or a newer program has changed it.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, ConnectError> {
        migrate::pending(&self.database).await
    }

    /// Waits until all connections are given back, and closes them.
    pub async fn close(&self) {
        for connection in [&self.database.writer, &self.database.reader] {
            // It is closed either way.
            let _ = connection.close_by_ref().await;
        }
    }

    #[cfg(all(test, feature = "sqlite"))]
    pub(crate) const fn database(&self) -> &Database {
        &self.database
    }

    #[cfg(test)]
    pub(crate) fn connections_mut(&mut self) -> [&mut DatabaseConnection; 2] {
        [&mut self.database.writer, &mut self.database.reader]
    }

    /// Where requests wait for each other, if the database has one writer.
    pub(crate) const fn group(&self) -> Option<&Group> {
        self.group.as_ref()
    }

    /// How long a call may take.
    pub(crate) const fn deadline(&self) -> Duration {
        self.deadline
    }

    /// For what only reads.
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        &self.database.reader
    }

    /// For what changes something in one statement.
    pub(crate) fn writer(&self) -> &DatabaseConnection {
        &self.database.writer
    }

    /// For what changes something in several statements.
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, SqlError> {
        let options = TransactionOptions {
            // The lock at once, not when the first statement finds that another program has it.
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let patience = patience(self.deadline);
        timeout(patience, self.writer().begin_with_options(options))
            .await
            .map_err(|_| SqlError::BeginTimedOut(patience))?
            .map_err(SqlError::Begin)
    }

    /// Commits a transaction, for good.
    pub(crate) async fn commit(&self, tx: DatabaseTransaction) -> Result<(), SqlError> {
        tx.commit().await.map_err(SqlError::Commit)?;
        self.flush().await
    }

    /// Returns when what was committed before the call is there for good.
    pub(crate) async fn flush(&self) -> Result<(), SqlError> {
        self.database.flush().await.map_err(SqlError::Flush)
    }

    /// Commits a transaction that put rows in the outbox, and wakes who waits for them.
    pub(crate) async fn commit_outbox(&self, tx: DatabaseTransaction) -> Result<(), SqlError> {
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

    /// Ends a call at its deadline. A transaction that is under way then is rolled back.
    pub(crate) async fn within_deadline<T>(
        &self,
        call: impl Future<Output = Result<T, SqlError>> + Send,
    ) -> Result<T, StoreError> {
        timeout(self.deadline, call)
            .await
            .unwrap_or(Err(SqlError::TimedOut(self.deadline)))
            .map_err(StoreError::from)
    }
}

fn is_locked(error: &ConnectError) -> bool {
    matches!(error, ConnectError::Unreached { cause, .. } if cause == "database is locked")
}
