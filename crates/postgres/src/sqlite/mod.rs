mod checkpoints;
mod disk;
mod group;
mod log;
mod statements;

use std::{io, num::NonZero, path::Path, thread};

use lemon_system::files::make_private_database;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, SqlxError,
    SqlxSqliteConnector, TransactionOptions, TransactionTrait,
    sqlx::{
        ConnectOptions,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
    },
};

use self::{checkpoints::Checkpoints, disk::Disk, log::WriteAheadLog, statements::Commits};
pub(crate) use self::{
    group::{Group, GroupWriter},
    statements::{SqliteStatements, SqliteTransaction},
};
use crate::{
    config::{StoreConfig, patience},
    error::PostgresError,
    pool_status::PoolStatus,
};

/// SQLite allows one write at a time. With one connection for writing, writers queue in the pool, in order and without
/// locks that a transaction could fail to upgrade; readers never wait for them (<https://www.sqlite.org/wal.html>).
const WRITERS: u32 = 1;

/// A database file.
#[derive(Debug, Clone)]
pub(crate) struct Sqlite {
    /// The name in errors.
    name: String,
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    /// Makes commits durable, unless SQLite does so in each commit.
    log: Option<WriteAheadLog>,
    commits: Commits,
    /// Whether the connections are the caller's.
    is_given: bool,
}

/// Opens the file, and creates it if there is none.
pub(crate) async fn open(path: &Path, config: &StoreConfig) -> Result<Sqlite, PostgresError> {
    let name = format!("SQLite at {}", path.display());
    Sqlite::open(name.clone(), path, config)
        .await
        .map_err(|error| PostgresError::unreached(&name, &error))
}

/// The file of a pool of the caller. There SQLite makes commits durable.
pub(crate) fn over(connection: &DatabaseConnection) -> Sqlite {
    let pool = connection.get_sqlite_connection_pool();
    let options = pool.connect_options();
    Sqlite {
        name: format!("SQLite at {}", options.get_filename().display()),
        writer: connection.clone(),
        reader: connection.clone(),
        log: None,
        commits: Commits {
            disk: Disk::new(),
            checkpoints: None,
        },
        is_given: true,
    }
}

/// Begins a transaction that writes.
pub(crate) async fn begin(connection: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        // Takes the lock at once, not in the first statement that writes, which would fail if another program has it.
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    connection.begin_with_options(options).await
}

impl Sqlite {
    async fn open(name: String, path: &Path, config: &StoreConfig) -> Result<Self, SqlxError> {
        make_private_database(path).map_err(SqlxError::Io)?;
        // SQLite puts the log beside the real file, also if the path is a link.
        let disk = Disk::new();
        let log = WriteAheadLog::of(&path.canonicalize().map_err(SqlxError::Io)?, disk.clone());
        let options = options(path, config);
        let writer = pool(options.clone(), WRITERS, config).await?;
        let read_only = options.pragma("query_only", "ON");
        let readers = config.max_connections.min(most_readers());
        let reader = pool(read_only, readers, config).await?;
        let checkpoints = Checkpoints::new(writer.clone(), disk.clone());
        Ok(Self {
            name,
            writer,
            reader,
            log: Some(log),
            commits: Commits {
                disk,
                checkpoints: Some(checkpoints),
            },
            is_given: false,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) const fn disk(&self) -> &Disk {
        &self.commits.disk
    }

    /// Returns when everything that was committed before the call is on the disk.
    pub(crate) async fn flush(&self) -> io::Result<()> {
        match &self.log {
            Some(log) => log.flush().await,
            None => Ok(()),
        }
    }

    /// The connection that a migration needs: the one that writes.
    pub(crate) fn for_migrations(&self) -> DatabaseConnection {
        self.writer.clone()
    }

    /// For statements that change something and are a transaction each.
    pub(crate) fn writer(&self) -> SqliteStatements {
        SqliteStatements {
            connection: self.writer.clone(),
            commits: Some(self.commits.clone()),
        }
    }

    /// For statements that only read.
    pub(crate) fn reader(&self) -> SqliteStatements {
        SqliteStatements {
            connection: self.reader.clone(),
            commits: None,
        }
    }

    pub(crate) async fn begin(&self) -> Result<SqliteTransaction, DbErr> {
        Ok(SqliteTransaction {
            tx: begin(&self.writer).await?,
            commits: self.commits.clone(),
        })
    }

    /// How many connections there are now.
    pub(crate) fn pool_status(&self) -> PoolStatus {
        let status = |connection: &DatabaseConnection| {
            PoolStatus::of(connection.get_sqlite_connection_pool())
        };
        if self.is_given {
            status(&self.writer)
        } else {
            status(&self.writer).and(status(&self.reader))
        }
    }

    /// Closes the store's own connections; the caller's remain open.
    pub(crate) async fn close(&self) {
        if self.is_given {
            return;
        }
        for connection in [&self.writer, &self.reader] {
            // It is closed in any case.
            let _ = connection.close_by_ref().await;
        }
    }
}

fn options(path: &Path, config: &StoreConfig) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // This crate flushes the log before it confirms a commit: see `WriteAheadLog`.
        .synchronous(SqliteSynchronous::Normal)
        // `Checkpoints` does this instead.
        .pragma("wal_autocheckpoint", "0")
        .foreign_keys(true)
        .busy_timeout(patience(config.deadline))
        .disable_statement_logging()
}

/// How many connections read at most. A read takes a core for its time, and each connection has a thread and a cache.
fn most_readers() -> u32 {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    u32::try_from(2 * cores).unwrap_or(u32::MAX)
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
    let mut connection = SqlxSqliteConnector::from_sqlx_sqlite_pool(pool);
    if let Some(observer) = &config.observer {
        observer.observe(&mut connection);
    }
    Ok(connection)
}
