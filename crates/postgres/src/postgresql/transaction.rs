use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, Statement, TransactionTrait,
};
use tokio::sync::Mutex;

use super::{
    connections::PostgresConnections,
    health::is_broken,
    pool::{Borrowed, Pool},
};
use crate::error::{nothing_changed, uncertain, unchanged};

/// A transaction. It is rolled back unless it is committed.
#[derive(Debug)]
pub(crate) enum PostgresTransaction {
    /// On a connection of the store's own pool, which is closed on drop: the server then rolls back.
    Own(Mutex<Borrowed>),
    /// On a connection of the caller's pool: the driver rolls back on drop.
    Given(DatabaseTransaction),
}

impl PostgresTransaction {
    /// Begins a transaction. If the connection breaks, it tries once more on another: nothing has been changed yet.
    pub(super) async fn begin(connections: &PostgresConnections) -> Result<Self, DbErr> {
        match Self::begin_once(connections).await {
            Err(error) if is_broken(&error) => Self::begin_once(connections).await,
            outcome => outcome,
        }
    }

    async fn begin_once(connections: &PostgresConnections) -> Result<Self, DbErr> {
        match connections {
            PostgresConnections::Own(pool) => begin_own(pool).await,
            PostgresConnections::Given(connection) => begin_given(connection.clone()).await,
        }
    }

    /// Commits. After an error the transaction may or may not be committed.
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Own(connection) => {
                let mut connection = connection.into_inner();
                let done = connection.execute_unprepared("COMMIT").await;
                done.map_err(uncertain)?;
                connection.give_back();
                Ok(())
            }
            Self::Given(tx) => tx.commit().await,
        }
    }

    /// Rolls back.
    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        match self {
            Self::Own(connection) => {
                let mut connection = connection.into_inner();
                let done = connection.execute_unprepared("ROLLBACK").await;
                done.map_err(unchanged)?;
                connection.give_back();
                Ok(())
            }
            Self::Given(tx) => tx.rollback().await.map_err(nothing_changed),
        }
    }
}

async fn begin_own(pool: &Pool) -> Result<PostgresTransaction, DbErr> {
    let mut connection = pool.borrow().await?;
    let begun = connection.execute_unprepared(pool.begin()).await;
    begun.map_err(unchanged)?;
    Ok(PostgresTransaction::Own(Mutex::new(connection)))
}

/// Runs in a separate task: if the caller dropped it before the answer, the driver's pool would take the connection
/// back inside of a transaction (<https://github.com/launchbadge/sqlx/issues/4385>).
async fn begin_given(connection: DatabaseConnection) -> Result<PostgresTransaction, DbErr> {
    tokio::spawn(async move { connection.begin().await })
        .await
        .unwrap_or_else(|error| Err(DbErr::Custom(error.to_string())))
        .map(PostgresTransaction::Given)
}

/// After any failure it is certain that nothing has changed: uncommitted changes are rolled back.
#[async_trait]
impl ConnectionTrait for PostgresTransaction {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Own(connection) => {
                let done = connection.lock().await.execute(&statement).await;
                done.map(ExecResult::from).map_err(unchanged)
            }
            Self::Given(tx) => tx.execute_raw(statement).await.map_err(nothing_changed),
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Own(connection) => {
                let done = connection.lock().await.execute_unprepared(sql).await;
                done.map(ExecResult::from).map_err(unchanged)
            }
            Self::Given(tx) => tx.execute_unprepared(sql).await.map_err(nothing_changed),
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let rows = self.query_all_raw(statement).await?;
        Ok(rows.into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Own(connection) => {
                let rows = connection.lock().await.rows(&statement).await;
                let rows = rows.map_err(unchanged)?;
                Ok(rows.into_iter().map(QueryResult::from).collect())
            }
            Self::Given(tx) => tx.query_all_raw(statement).await.map_err(nothing_changed),
        }
    }
}
