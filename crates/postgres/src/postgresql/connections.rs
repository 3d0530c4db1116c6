use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, ExecResult, QueryResult, Statement};

use super::pool::Pool;
use crate::error::{nothing_changed, uncertain, unchanged};

/// Where connections come from.
#[derive(Debug, Clone)]
pub(super) enum PostgresConnections {
    /// A pool of the store's.
    Own(Pool),
    /// The caller's, which other things may use as well.
    Given(DatabaseConnection),
}

impl PostgresConnections {
    /// Sends a statement for what it does.
    pub(super) async fn execute(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Own(pool) => {
                let mut connection = pool.borrow().await?;
                let done = connection.execute(&statement).await;
                let done = done.map_err(uncertain)?;
                connection.give_back();
                Ok(done.into())
            }
            Self::Given(connection) => connection.execute_raw(statement).await,
        }
    }

    /// Sends a command as it is.
    pub(super) async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Own(pool) => {
                let mut connection = pool.borrow().await?;
                let done = connection.execute_unprepared(sql).await;
                let done = done.map_err(uncertain)?;
                connection.give_back();
                Ok(done.into())
            }
            Self::Given(connection) => connection.execute_unprepared(sql).await,
        }
    }

    /// Sends a statement that may change something for the rows that it answers.
    pub(super) async fn write(&self, statement: &Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Own(pool) => rows(pool, statement, uncertain).await,
            Self::Given(connection) => connection.query_all_raw(statement.clone()).await,
        }
    }

    /// Sends a statement that only reads. Whatever fails has changed nothing.
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
    failed: fn(sea_orm::SqlxError) -> DbErr,
) -> Result<Vec<QueryResult>, DbErr> {
    let mut connection = pool.borrow().await?;
    let rows = connection.rows(statement).await.map_err(failed)?;
    connection.give_back();
    Ok(rows.into_iter().map(QueryResult::from).collect())
}
