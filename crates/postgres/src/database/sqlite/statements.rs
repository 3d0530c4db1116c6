use std::future::Future;

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, Statement,
};

use super::disk::Disk;

/// Statements that are each a transaction of its own.
#[derive(Debug, Clone)]
pub(crate) struct Statements {
    pub(crate) connection: DatabaseConnection,
    /// That of the file, if they write.
    pub(super) disk: Option<Disk>,
}

impl Statements {
    async fn ask<T, A>(&self, ask: impl FnOnce(DatabaseConnection) -> A) -> Result<T, DbErr>
    where
        T: Send + 'static,
        A: Future<Output = Result<T, DbErr>> + Send + 'static,
    {
        let asked = ask(self.connection.clone());
        match &self.disk {
            Some(disk) => to_its_end(disk, asked).await,
            None => asked.await,
        }
    }
}

/// Does it in a task of its own, so that what it says of the disk is heard, whoever stops waiting.
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
impl ConnectionTrait for Statements {
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

/// A transaction. The driver undoes one that is dropped, whatever it was doing.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(super) tx: DatabaseTransaction,
    pub(super) disk: Disk,
}

impl Transaction {
    /// Commits it. After an error it may be committed or not.
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        to_its_end(&self.disk, self.tx.commit()).await
    }

    /// Undoes it.
    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        self.tx.rollback().await
    }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Sqlite
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.disk.note(self.tx.execute_raw(statement).await)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.disk.note(self.tx.execute_unprepared(sql).await)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.disk.note(self.tx.query_one_raw(statement).await)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.disk.note(self.tx.query_all_raw(statement).await)
    }
}
