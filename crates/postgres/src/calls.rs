use std::{future::Future, time::Duration};

use lemon_domain::ports::StoreError;
use tokio::time::timeout;

use crate::{
    config::patience,
    database::Database,
    error::SqlError,
    executor::{Executor, Transaction},
    signal::Signal,
};

/// What a call of a port is made with: connections, the deadline, and the signal for who waits for the outbox.
#[derive(Debug, Clone)]
pub(crate) struct Calls {
    database: Database,
    outbox: Signal,
}

impl Calls {
    pub(crate) fn new(database: Database) -> Self {
        Self {
            outbox: Signal::new(&database),
            database,
        }
    }

    pub(crate) const fn database(&self) -> &Database {
        &self.database
    }

    /// How long a call may take.
    pub(crate) const fn deadline(&self) -> Duration {
        self.database.deadline
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
        let patience = patience(self.deadline());
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
        timeout(self.deadline(), call)
            .await
            .unwrap_or(Err(SqlError::TimedOut(self.deadline())))
            .map_err(StoreError::from)
    }

    /// Begins nothing over a disk that has failed: it could not be vouched for.
    fn refuse_if_failed(&self) -> Result<(), SqlError> {
        self.database
            .failure()
            .map_or(Ok(()), |cause| Err(SqlError::DiskFailed(cause)))
    }
}
