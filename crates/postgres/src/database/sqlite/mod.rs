mod checkpoints;
mod disk;
mod log;
mod statements;

use std::{
    fs::OpenOptions,
    io,
    path::{Path, PathBuf},
};

use sea_orm::{
    DatabaseConnection, DbErr, SqliteTransactionMode, SqlxError, SqlxSqliteConnector,
    TransactionOptions, TransactionTrait,
    sqlx::{
        ConnectOptions,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
    },
};

pub(crate) use self::statements::{Statements, Transaction};
use self::{checkpoints::Checkpoints, disk::Disk, log::WriteAheadLog};
use super::{Database, Executor, Kind, patience, unreached};
use crate::{PostgresError, StoreConfig};

/// SQLite lets one write at a time. With one connection for it, writers queue in the pool, in order and without locks
/// that a transaction could fail to upgrade; readers never wait for them (<https://www.sqlite.org/wal.html>).
const WRITERS: u32 = 1;

/// A file.
#[derive(Debug, Clone)]
pub(crate) struct Sqlite {
    pub(crate) writer: DatabaseConnection,
    pub(crate) reader: DatabaseConnection,
    /// Where commits become durable.
    pub(crate) log: WriteAheadLog,
    pub(crate) disk: Disk,
    checkpoints: Checkpoints,
}

pub(super) async fn open(path: &str, config: &StoreConfig) -> Result<Database, PostgresError> {
    if path.is_empty() || path.starts_with(":memory:") {
        return Err(PostgresError::Address(
            "sqlite:// must be followed by the path of a file".to_owned(),
        ));
    }
    let path = PathBuf::from(path);
    let name = format!("SQLite at {}", path.display());
    let file = Sqlite::open(&path, config)
        .await
        .map_err(|error| unreached(&name, &error))?;
    Ok(Database {
        name,
        deadline: config.deadline,
        writer: Executor::Sqlite(file.writing()),
        reader: Executor::Sqlite(file.reading()),
        kind: Kind::Sqlite(file),
    })
}

impl Sqlite {
    async fn open(path: &Path, config: &StoreConfig) -> Result<Self, SqlxError> {
        create(path).map_err(SqlxError::Io)?;
        // SQLite keeps the log beside the file itself, wherever a link to it is.
        let disk = Disk::new();
        let log = WriteAheadLog::of(&path.canonicalize().map_err(SqlxError::Io)?, disk.clone());
        let options = options(path, config);
        let writer = pool(options.clone(), WRITERS, config).await?;
        let read_only = options.pragma("query_only", "ON");
        let reader = pool(read_only, config.max_connections, config).await?;
        let checkpoints = Checkpoints::new(writer.clone(), disk.clone());
        Ok(Self {
            writer,
            reader,
            log,
            disk,
            checkpoints,
        })
    }

    fn writing(&self) -> Statements {
        Statements {
            connection: self.writer.clone(),
            checkpoints: Some(self.checkpoints.clone()),
        }
    }

    fn reading(&self) -> Statements {
        Statements {
            connection: self.reader.clone(),
            checkpoints: None,
        }
    }

    pub(crate) async fn begin(&self) -> Result<Transaction, DbErr> {
        let options = TransactionOptions {
            // The lock at once, not when the first statement finds that another program has it.
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(Transaction {
            tx: self.writer.begin_with_options(options).await?,
            checkpoints: self.checkpoints.clone(),
        })
    }

    pub(crate) async fn close(&self) {
        for connection in [&self.writer, &self.reader] {
            // It is closed either way.
            let _ = connection.close_by_ref().await;
        }
    }
}

fn options(path: &Path, config: &StoreConfig) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // The log is flushed by us, before a commit is told of: see `WriteAheadLog`.
        .synchronous(SqliteSynchronous::Normal)
        // `Checkpoints` does it.
        .pragma("wal_autocheckpoint", "0")
        .foreign_keys(true)
        .busy_timeout(patience(config.deadline))
        .disable_statement_logging()
}

async fn pool(
    options: SqliteConnectOptions,
    connections: u32,
    config: &StoreConfig,
) -> Result<DatabaseConnection, SqlxError> {
    let pool = SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(patience(config.deadline))
        // A file does not go away: connections, and the statements prepared on them, live as long as the pool.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options)
        .await?;
    Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool))
}

/// Makes the file, if there is none, for its owner alone. SQLite gives the files beside it the same rights.
fn create(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
