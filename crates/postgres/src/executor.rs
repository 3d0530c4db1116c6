use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use crate::postgresql;
#[cfg(feature = "sqlite")]
use crate::sqlite;

/// Where statements go that are each a transaction of its own.
#[derive(Debug, Clone)]
pub(crate) enum Executor {
    Postgres(postgresql::PostgresStatements),
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::SqliteStatements),
}

/// A transaction. One that is dropped is undone.
#[derive(Debug)]
pub(crate) enum Transaction {
    Postgres(postgresql::PostgresTransaction),
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::SqliteTransaction),
}

impl Transaction {
    /// Commits it. After an error it may be committed or not.
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Postgres(tx) => tx.commit().await,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(tx) => tx.commit().await,
        }
    }

    /// Undoes it.
    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        match self {
            Self::Postgres(tx) => tx.rollback().await,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(tx) => tx.rollback().await,
        }
    }
}

/// Sends to whichever database it is.
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
