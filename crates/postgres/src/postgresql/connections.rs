use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbErr, ExecResult, QueryResult, SqlxError, Statement,
};

use super::pool::{Borrowed, Pool};
use crate::{
    error::{nothing_changed, uncertain, unchanged},
    pooling::Pooling,
};

/// The source of connections.
#[derive(Debug, Clone)]
pub(super) enum PostgresConnections {
    /// The store's own pool.
    Own(Pool),
    /// The caller's pool, which may be used for other purposes as well.
    Given(DatabaseConnection),
}

impl PostgresConnections {
    /// Executes a statement that returns no rows.
    pub(super) async fn execute(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Own(pool) => {
                let mut connection = begin(pool).await?;
                let done = connection.execute(&statement).await;
                let done = done.map_err(uncertain)?;
                end(pool, connection, uncertain).await?;
                Ok(done.into())
            }
            Self::Given(connection) => connection.execute_raw(statement).await,
        }
    }

    /// Executes a command without preparing it.
    pub(super) async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Own(pool) => {
                let mut connection = begin(pool).await?;
                let done = connection.execute_unprepared(sql).await;
                let done = done.map_err(uncertain)?;
                end(pool, connection, uncertain).await?;
                Ok(done.into())
            }
            Self::Given(connection) => connection.execute_unprepared(sql).await,
        }
    }

    /// Executes a statement that may change something, and returns its rows.
    pub(super) async fn write(&self, statement: &Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Own(pool) => rows(pool, statement, uncertain).await,
            Self::Given(connection) => connection.query_all_raw(statement.clone()).await,
        }
    }

    /// Executes a statement that only reads. After any failure it is certain that nothing has changed.
    pub(super) async fn read(&self, statement: &Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Own(pool) => rows(pool, statement, unchanged).await,
            Self::Given(connection) => {
                let rows = connection.query_all_raw(statement.clone()).await;
                rows.map_err(nothing_changed)
            }
        }
    }
}

async fn rows(
    pool: &Pool,
    statement: &Statement,
    failed: fn(SqlxError) -> DbErr,
) -> Result<Vec<QueryResult>, DbErr> {
    let mut connection = begin(pool).await?;
    let rows = connection.rows(statement).await.map_err(failed)?;
    end(pool, connection, failed).await?;
    Ok(rows.into_iter().map(QueryResult::from).collect())
}

/// A connection for one statement. Where a connection leads to a session for each transaction, the statement has a
/// transaction of its own: for its limits, and because the driver sends it in two parts.
async fn begin(pool: &Pool) -> Result<Borrowed, DbErr> {
    let mut connection = pool.borrow().await?;
    if pool.pooling() == Pooling::Transaction {
        let begun = connection.execute_unprepared(pool.begin()).await;
        begun.map_err(unchanged)?;
    }
    Ok(connection)
}

/// Ends what [`begin`] began.
async fn end(
    pool: &Pool,
    mut connection: Borrowed,
    failed: fn(SqlxError) -> DbErr,
) -> Result<(), DbErr> {
    if pool.pooling() == Pooling::Transaction {
        let done = connection.execute_unprepared("COMMIT").await;
        done.map_err(failed)?;
    }
    connection.give_back();
    Ok(())
}
