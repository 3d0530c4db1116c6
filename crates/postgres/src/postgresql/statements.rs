use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use super::{connections::PostgresConnections, health::is_broken};

/// Executes statements that are a transaction each.
#[derive(Debug, Clone)]
pub(crate) struct PostgresStatements {
    connections: PostgresConnections,
    only_reads: bool,
}

impl PostgresStatements {
    /// For statements that may change something: each is sent once.
    pub(super) const fn that_write(connections: PostgresConnections) -> Self {
        Self {
            connections,
            only_reads: false,
        }
    }

    /// For statements that only read: if the connection breaks, the statement is retried on another connection.
    pub(super) const fn that_read(connections: PostgresConnections) -> Self {
        Self {
            connections,
            only_reads: true,
        }
    }

    async fn rows(&self, statement: &Statement) -> Result<Vec<QueryResult>, DbErr> {
        if !self.only_reads {
            return self.connections.write(statement).await;
        }
        match self.connections.read(statement).await {
            Err(error) if is_broken(&error) => self.connections.read(statement).await,
            outcome => outcome,
        }
    }
}

#[async_trait]
impl ConnectionTrait for PostgresStatements {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.connections.execute(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.connections.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        Ok(self.rows(&statement).await?.into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.rows(&statement).await
    }
}
