//! The connections to a database.

use std::{io, sync::Arc, time::Duration};

use sea_orm::{DatabaseConnection, DatabaseConnectionType, DatabaseTransaction, DbErr};

#[cfg(feature = "sqlite")]
use crate::sqlite::{self, Sqlite};
use crate::{
    address::StoreAddress,
    config::StoreConfig,
    error::PostgresError,
    executor::{Executor, Transaction},
    pool_status::PoolStatus,
    postgresql::{self, MigrationSession, Server},
};

/// A database and the connections to it.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    /// The name in errors: never with a password.
    pub(crate) name: String,
    /// How long a call may take.
    pub(crate) deadline: Duration,
    /// For statements that change something and are a transaction each.
    pub(crate) writer: Executor,
    /// For statements that only read.
    pub(crate) reader: Executor,
    /// The part that differs between the databases.
    pub(crate) kind: Kind,
}

/// Which database it is.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// A server, which other replicas use as well.
    Postgres(Arc<Server>),
    /// A file. Its writers wait for one another.
    #[cfg(feature = "sqlite")]
    Sqlite(Sqlite),
}

impl Database {
    /// Connects, or says what is wrong.
    pub(crate) async fn open(config: &StoreConfig) -> Result<Self, PostgresError> {
        config.check_names()?;
        let deadline = config.deadline;
        match StoreAddress::parse(&config.url)? {
            StoreAddress::Postgres(options) => Ok(Self::on_server(
                postgresql::open(*options, config).await?,
                deadline,
            )),
            #[cfg(feature = "sqlite")]
            StoreAddress::Sqlite(path) => {
                Ok(Self::in_file(sqlite::open(&path, config).await?, deadline))
            }
        }
    }

    /// Uses a connection of the caller.
    pub(crate) fn over(
        connection: &DatabaseConnection,
        config: &StoreConfig,
    ) -> Result<Self, PostgresError> {
        config.check_names()?;
        let deadline = config.deadline;
        match &connection.inner {
            DatabaseConnectionType::SqlxPostgresPoolConnection(_) => Ok(Self::on_server(
                postgresql::over(connection, config)?,
                deadline,
            )),
            #[cfg(feature = "sqlite")]
            DatabaseConnectionType::SqlxSqlitePoolConnection(_) => {
                Ok(Self::in_file(sqlite::over(connection), deadline))
            }
            _ => Err(PostgresError::Connection),
        }
    }

    fn on_server(server: Server, deadline: Duration) -> Self {
        Self {
            name: server.name().to_owned(),
            deadline,
            writer: Executor::Postgres(server.writer()),
            reader: Executor::Postgres(server.reader()),
            kind: Kind::Postgres(Arc::new(server)),
        }
    }

    #[cfg(feature = "sqlite")]
    fn in_file(file: Sqlite, deadline: Duration) -> Self {
        Self {
            name: file.name().to_owned(),
            deadline,
            writer: Executor::Sqlite(file.writer()),
            reader: Executor::Sqlite(file.reader()),
            kind: Kind::Sqlite(file),
        }
    }

    /// Returns when everything that was committed before the call survives a power failure.
    pub(crate) async fn flush(&self) -> io::Result<()> {
        match &self.kind {
            Kind::Postgres(_) => Ok(()),
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(file) => file.flush().await,
        }
    }

    /// The cause, if nothing can be written durably any more.
    pub(crate) fn failure(&self) -> Option<String> {
        match &self.kind {
            Kind::Postgres(_) => None,
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(file) => file.disk().failure(),
        }
    }

    /// Returns when nothing can be written durably any more, with the cause.
    pub(crate) async fn failed(&self) -> String {
        match &self.kind {
            Kind::Postgres(_) => std::future::pending().await,
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(file) => file.disk().failed().await,
        }
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&self) -> Result<Transaction, DbErr> {
        match &self.kind {
            Kind::Postgres(server) => server.begin().await.map(Transaction::Postgres),
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(file) => file.begin().await.map(Transaction::Sqlite),
        }
    }

    /// The driver's own connection, which a migration needs.
    pub(crate) async fn for_migrations(&self) -> Result<DatabaseConnection, DbErr> {
        match &self.kind {
            Kind::Postgres(server) => server.for_migrations().await,
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(file) => Ok(file.for_migrations()),
        }
    }

    /// Begins a transaction that excludes other migrations. It has a session on a server.
    pub(crate) async fn lock_migrations(
        &self,
        connection: &DatabaseConnection,
    ) -> Result<(DatabaseTransaction, Option<MigrationSession>), DbErr> {
        match &self.kind {
            Kind::Postgres(server) => {
                let (tx, session) = server.lock_migrations(connection).await?;
                Ok((tx, Some(session)))
            }
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(_) => Ok((sqlite::begin(connection).await?, None)),
        }
    }

    /// The server, if it is one: there other replicas may exist.
    pub(crate) const fn server(&self) -> Option<&Arc<Server>> {
        match &self.kind {
            Kind::Postgres(server) => Some(server),
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(_) => None,
        }
    }

    /// How many connections there are now.
    pub(crate) fn pool_status(&self) -> PoolStatus {
        match &self.kind {
            Kind::Postgres(server) => server.pool_status(),
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(file) => file.pool_status(),
        }
    }

    /// Closes the idle connections at once, and the others when they are returned.
    pub(crate) async fn close(&self) {
        match &self.kind {
            Kind::Postgres(server) => server.close().await,
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(file) => file.close().await,
        }
    }
}
