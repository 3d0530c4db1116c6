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

/// What the method of a port needs: connections, the deadline, and the signal for callers that wait for the outbox.
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

    /// For calls that only read.
    pub(crate) const fn reader(&self) -> &Executor {
        &self.database.reader
    }

    /// For calls that change something in one statement.
    pub(crate) const fn writer(&self) -> &Executor {
        &self.database.writer
    }

    /// For calls that change something in several statements.
    pub(crate) async fn begin(&self) -> Result<Transaction, SqlError> {
        self.refuse_if_failed()?;
        let patience = patience(self.deadline());
        timeout(patience, self.database.begin())
            .await
            .map_err(|_| SqlError::BeginTimedOut(patience))?
            .map_err(SqlError::Begin)
    }

    /// Commits a transaction and flushes it.
    pub(crate) async fn commit(&self, tx: Transaction) -> Result<(), SqlError> {
        tx.commit().await.map_err(SqlError::Commit)?;
        self.flush().await
    }

    /// Returns when everything that was committed before the call is durable.
    pub(crate) async fn flush(&self) -> Result<(), SqlError> {
        self.database.flush().await.map_err(SqlError::Flush)
    }

    /// Commits a transaction that put rows in the outbox, and wakes the callers that wait for them.
    pub(crate) async fn commit_outbox(&self, tx: Transaction) -> Result<(), SqlError> {
        self.commit(tx).await?;
        self.outbox.give();
        Ok(())
    }

    /// The signal that rows were put in the outbox.
    pub(crate) fn outbox(&self) -> &Signal {
        &self.outbox
    }

    /// Runs a statement that changes something and makes the change durable, within the deadline.
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

    /// Ends a call at its deadline. A transaction that is open then is rolled back, unless it is being committed.
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

    /// Refuses every call after a disk failure: nothing could be guaranteed.
    fn refuse_if_failed(&self) -> Result<(), SqlError> {
        self.database
            .failure()
            .map_or(Ok(()), |cause| Err(SqlError::DiskFailed(cause)))
    }
}
