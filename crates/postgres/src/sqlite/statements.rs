use std::future::Future;

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, Statement,
};

use super::{checkpoints::Checkpoints, disk::Disk};

/// Executes statements that are a transaction each.
#[derive(Debug, Clone)]
pub(crate) struct SqliteStatements {
    pub(super) connection: DatabaseConnection,
    /// How to commit, if the statements write.
    pub(super) commits: Option<Commits>,
}

/// What to do around each commit.
#[derive(Debug, Clone)]
pub(crate) struct Commits {
    pub(super) disk: Disk,
    /// `None` if SQLite makes checkpoints automatically.
    pub(super) checkpoints: Option<Checkpoints>,
}

impl SqliteStatements {
    async fn ask<T, A>(&self, ask: impl FnOnce(DatabaseConnection) -> A) -> Result<T, DbErr>
    where
        T: Send + 'static,
        A: Future<Output = Result<T, DbErr>> + Send + 'static,
    {
        let asked = ask(self.connection.clone());
        match &self.commits {
            Some(commits) => commits.make(asked).await,
            None => asked.await,
        }
    }
}

impl Commits {
    async fn make<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, DbErr>> + Send + 'static,
    ) -> Result<T, DbErr> {
        let outcome = to_its_end(&self.disk, work).await;
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.look();
        }
        outcome
    }
}

/// Runs the work in a separate task, so that a disk failure is noted even if the caller stops waiting.
async fn to_its_end<T: Send + 'static>(
    disk: &Disk,
    work: impl Future<Output = Result<T, DbErr>> + Send + 'static,
) -> Result<T, DbErr> {
    let disk = disk.clone();
    tokio::spawn(async move { disk.note(work.await) })
        .await
        .unwrap_or_else(|error| Err(DbErr::Custom(error.to_string())))
}

#[async_trait]
impl ConnectionTrait for SqliteStatements {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Sqlite
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.ask(|db| async move { db.execute_raw(statement).await })
            .await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let sql = sql.to_owned();
        self.ask(|db| async move { db.execute_unprepared(&sql).await })
            .await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.ask(|db| async move { db.query_one_raw(statement).await })
            .await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.ask(|db| async move { db.query_all_raw(statement).await })
            .await
    }
}

/// A transaction. The driver rolls it back if it is dropped, at any point.
#[derive(Debug)]
pub(crate) struct SqliteTransaction {
    pub(super) tx: DatabaseTransaction,
    pub(super) commits: Commits,
}

impl SqliteTransaction {
    /// Commits. After an error the transaction may or may not be committed.
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        self.commits.make(self.tx.commit()).await
    }

    fn note<T>(&self, outcome: Result<T, DbErr>) -> Result<T, DbErr> {
        self.commits.disk.note(outcome)
    }

    /// Rolls back.
    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        self.tx.rollback().await
    }
}

#[async_trait]
impl ConnectionTrait for SqliteTransaction {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Sqlite
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.note(self.tx.execute_raw(statement).await)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.note(self.tx.execute_unprepared(sql).await)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.note(self.tx.query_one_raw(statement).await)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.note(self.tx.query_all_raw(statement).await)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::{error::Error, fmt, sync::Arc, time::Duration};

    use sea_orm::{
        RuntimeErr, SqlxError,
        sqlx::error::{DatabaseError, ErrorKind},
    };
    use tokio::{sync::oneshot, time::timeout};

    use super::*;

    /// An error of SQLite with this code.
    #[derive(Debug)]
    struct Said(&'static str);

    impl fmt::Display for Said {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "(code: {}) disk I/O error", self.0)
        }
    }

    impl Error for Said {}

    impl DatabaseError for Said {
        fn message(&self) -> &'static str {
            "disk I/O error"
        }

        fn code(&self) -> Option<std::borrow::Cow<'_, str>> {
            Some(self.0.into())
        }

        fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    pub(in super::super) fn failure(code: &'static str) -> DbErr {
        let said = SqlxError::Database(Box::new(Said(code)));
        DbErr::Exec(RuntimeErr::SqlxError(Arc::new(said)))
    }

    #[test]
    fn only_a_flush_that_failed_ends_all_writing() {
        // Disk full, I/O in reading or writing, busy.
        for passing in ["13", "10", "266", "778", "5"] {
            let disk = Disk::new();
            disk.note::<()>(Err(failure(passing))).unwrap_err();
            assert_eq!(disk.failure(), None, "{passing}");
        }
        for lost in ["1034", "1290"] {
            let disk = Disk::new();
            disk.note::<()>(Err(failure(lost))).unwrap_err();
            assert_eq!(disk.failure().as_deref(), Some("disk I/O error"), "{lost}");
        }
    }

    #[tokio::test]
    async fn a_commit_that_loses_data_is_noted_after_its_caller_left() {
        let disk = Disk::new();
        let (begun, begins) = oneshot::channel();
        let (go, gone) = oneshot::channel::<()>();
        let commit = async move {
            begun.send(()).unwrap();
            gone.await.unwrap();
            Err::<(), _>(failure("1034"))
        };
        let waiting = tokio::spawn({
            let disk = disk.clone();
            async move { to_its_end(&disk, commit).await }
        });
        begins.await.unwrap();
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        go.send(()).unwrap();
        let failed = timeout(Duration::from_mins(1), disk.failed()).await;
        assert_eq!(failed.unwrap(), "disk I/O error");
    }
}
