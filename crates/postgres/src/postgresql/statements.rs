use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement, sqlx::postgres::PgRow,
};

use super::{health::is_broken, pool::Pool};
use crate::error::{uncertain, unchanged};

/// Statements that are each a transaction of its own.
#[derive(Debug, Clone)]
pub(crate) struct Statements {
    pool: Pool,
    only_reads: bool,
}

impl Statements {
    /// Such as may change something: each is sent once.
    pub(super) const fn that_write(pool: Pool) -> Self {
        Self {
            pool,
            only_reads: false,
        }
    }

    /// Such as only read: one whose connection breaks is sent again, over another connection.
    pub(super) const fn that_read(pool: Pool) -> Self {
        Self {
            pool,
            only_reads: true,
        }
    }

    async fn rows(&self, statement: &Statement) -> Result<Vec<PgRow>, DbErr> {
        if !self.only_reads {
            return self.rows_once(statement).await;
        }
        match self.rows_once(statement).await {
            Err(error) if is_broken(&error) => self.rows_once(statement).await,
            outcome => outcome,
        }
    }

    async fn rows_once(&self, statement: &Statement) -> Result<Vec<PgRow>, DbErr> {
        let mut connection = self.pool.borrow().await?;
        let rows = connection.rows(statement).await;
        let rows = rows.map_err(if self.only_reads {
            // Nothing has changed.
            unchanged
        } else {
            uncertain
        })?;
        connection.give_back();
        Ok(rows)
    }
}

#[async_trait]
impl ConnectionTrait for Statements {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let mut connection = self.pool.borrow().await?;
        let done = connection.execute(&statement).await;
        let done = done.map_err(uncertain)?;
        connection.give_back();
        Ok(done.into())
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let mut connection = self.pool.borrow().await?;
        let done = connection.execute_unprepared(sql).await;
        let done = done.map_err(uncertain)?;
        connection.give_back();
        Ok(done.into())
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let rows = self.rows(&statement).await?;
        Ok(rows.into_iter().next().map(QueryResult::from))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let rows = self.rows(&statement).await?;
        Ok(rows.into_iter().map(QueryResult::from).collect())
    }
}
