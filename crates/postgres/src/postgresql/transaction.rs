use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use tokio::sync::Mutex;

use super::{
    health::is_broken,
    pool::{Borrowed, Pool},
};
use crate::error::{uncertain, unchanged};

/// A transaction. Unless it is committed or rolled back, its connection is closed, which the server takes for a
/// rollback.
#[derive(Debug)]
pub(crate) struct Transaction(Mutex<Borrowed>);

impl Transaction {
    /// Begins one; on a second connection if the first is found broken, since nothing was asked of it yet.
    pub(crate) async fn begin(pool: &Pool) -> Result<Self, DbErr> {
        match Self::begin_once(pool).await {
            Err(error) if is_broken(&error) => Self::begin_once(pool).await,
            outcome => outcome,
        }
    }

    async fn begin_once(pool: &Pool) -> Result<Self, DbErr> {
        let mut connection = pool.borrow().await?;
        let begun = connection.execute_unprepared("BEGIN").await;
        begun.map_err(unchanged)?;
        Ok(Self(Mutex::new(connection)))
    }

    /// Commits it. After an error it may be committed or not.
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        let mut connection = self.0.into_inner();
        let done = connection.execute_unprepared("COMMIT").await;
        done.map_err(uncertain)?;
        connection.give_back();
        Ok(())
    }

    /// Undoes it.
    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        let mut connection = self.0.into_inner();
        let done = connection.execute_unprepared("ROLLBACK").await;
        done.map_err(unchanged)?;
        connection.give_back();
        Ok(())
    }
}

/// Whatever fails has changed nothing: what is not committed is undone.
#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let done = self.0.lock().await.execute(&statement).await;
        done.map(ExecResult::from).map_err(unchanged)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let done = self.0.lock().await.execute_unprepared(sql).await;
        done.map(ExecResult::from).map_err(unchanged)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let rows = self.query_all_raw(statement).await?;
        Ok(rows.into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let rows = self.0.lock().await.rows(&statement).await;
        let rows = rows.map_err(unchanged)?;
        Ok(rows.into_iter().map(QueryResult::from).collect())
    }
}
