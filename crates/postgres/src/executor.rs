use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use crate::postgresql;
#[cfg(feature = "sqlite")]
use crate::sqlite;

/// Executes statements that are a transaction each.
#[derive(Debug, Clone)]
pub(crate) enum Executor {
    Postgres(postgresql::PostgresStatements),
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::SqliteStatements),
}

/// A transaction. It is rolled back if it is dropped.
#[derive(Debug)]
pub(crate) enum Transaction {
    Postgres(postgresql::PostgresTransaction),
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::SqliteTransaction),
}

impl Transaction {
    /// Commits. After an error the transaction may or may not be committed.
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Postgres(tx) => tx.commit().await,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(tx) => tx.commit().await,
        }
    }

    /// Rolls back.
    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        match self {
            Self::Postgres(tx) => tx.rollback().await,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(tx) => tx.rollback().await,
        }
    }
}

/// Delegates to the database in use.
macro_rules! delegate {
    ($to:ty) => {
        #[async_trait]
        impl ConnectionTrait for $to {
            fn get_database_backend(&self) -> DbBackend {
                match self {
                    Self::Postgres(to) => to.get_database_backend(),
                    #[cfg(feature = "sqlite")]
                    Self::Sqlite(to) => to.get_database_backend(),
                }
            }

            async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
                match self {
                    Self::Postgres(to) => to.execute_raw(statement).await,
                    #[cfg(feature = "sqlite")]
                    Self::Sqlite(to) => to.execute_raw(statement).await,
                }
            }

            async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
                match self {
                    Self::Postgres(to) => to.execute_unprepared(sql).await,
                    #[cfg(feature = "sqlite")]
                    Self::Sqlite(to) => to.execute_unprepared(sql).await,
                }
            }

            async fn query_one_raw(
                &self,
                statement: Statement,
            ) -> Result<Option<QueryResult>, DbErr> {
                match self {
                    Self::Postgres(to) => to.query_one_raw(statement).await,
                    #[cfg(feature = "sqlite")]
                    Self::Sqlite(to) => to.query_one_raw(statement).await,
                }
            }

            async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
                match self {
                    Self::Postgres(to) => to.query_all_raw(statement).await,
                    #[cfg(feature = "sqlite")]
                    Self::Sqlite(to) => to.query_all_raw(statement).await,
                }
            }
        }
    };
}

delegate!(Executor);
delegate!(Transaction);
