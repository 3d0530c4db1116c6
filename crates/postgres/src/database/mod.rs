//! The connections to a database.

mod executor;
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::{io, sync::Arc, time::Duration};

#[cfg(feature = "sqlite")]
use sea_orm::SqlxError;
use sea_orm::{DatabaseConnection, DbErr};
use secrecy::ExposeSecret;

pub(crate) use self::{
    executor::{Executor, Transaction},
    postgres::{Server, Session},
};
#[cfg(feature = "sqlite")]
use crate::error::driver_cause;
use crate::{PostgresError, StoreConfig};

/// A database and the connections to it.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    /// What it is called in errors: never with a password.
    pub(crate) name: String,
    /// How long a call may take.
    pub(crate) deadline: Duration,
    /// For what changes something in one statement.
    pub(crate) writer: Executor,
    /// For what only reads.
    pub(crate) reader: Executor,
    /// What only one of the databases has.
    pub(crate) kind: Kind,
}

/// Which database it is.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// A server that other replicas use as well.
    Postgres(Arc<Server>),
    /// A file. Writes wait for one another.
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::Sqlite),
}

impl Database {
    /// Connects, and says what is wrong if it cannot.
    pub(crate) async fn open(config: &StoreConfig) -> Result<Self, PostgresError> {
        config.check()?;
        match config.url.expose_secret().split_once("://") {
            Some(("postgres" | "postgresql", _)) => postgres::open(config).await,
            #[cfg(feature = "sqlite")]
            Some(("sqlite", path)) => sqlite::open(path, config).await,
            _ => Err(PostgresError::Address(format!(
                "it begins with none of {}",
                if cfg!(feature = "sqlite") {
                    "postgres:// and sqlite://"
                } else {
                    "postgres://"
                }
            ))),
        }
    }

    /// Returns when what was committed before the call survives a power failure.
    pub(crate) async fn flush(&self) -> io::Result<()> {
        match &self.kind {
            Kind::Postgres(_) => Ok(()),
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(file) => file.log.flush().await,
        }
    }

    /// Why nothing can be written for good any more, if that is so.
    pub(crate) fn failure(&self) -> Option<String> {
        match &self.kind {
            Kind::Postgres(_) => None,
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(file) => file.disk.failure(),
        }
    }

    /// Returns when that is so, with the cause.
    pub(crate) async fn failed(&self) -> String {
        match &self.kind {
            Kind::Postgres(_) => std::future::pending().await,
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(file) => file.disk.failed().await,
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

    /// The connection that a migration needs, that of the driver itself, and its session on a server.
    pub(crate) async fn for_migrations(
        &self,
    ) -> Result<(DatabaseConnection, Option<Session>), DbErr> {
        match &self.kind {
            Kind::Postgres(server) => {
                let (connection, session) = server.for_migrations().await?;
                Ok((connection, Some(session)))
            }
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(file) => Ok((file.writer.clone(), None)),
        }
    }

    /// The server, where other replicas can be.
    pub(crate) const fn server(&self) -> Option<&Arc<Server>> {
        match &self.kind {
            Kind::Postgres(server) => Some(server),
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(_) => None,
        }
    }

    /// Closes the connections that are not in use, and the others when they are given back.
    pub(crate) async fn close(&self) {
        match &self.kind {
            Kind::Postgres(server) => server.close().await,
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(file) => file.close().await,
        }
    }
}

/// The part of the deadline for which a connection is waited for: what is left is for the work. A call that gets no
/// connection thus ends as one that certainly changed nothing.
pub(crate) fn patience(deadline: Duration) -> Duration {
    deadline * 3 / 4
}

#[cfg(feature = "sqlite")]
fn unreached(database: &str, error: &SqlxError) -> PostgresError {
    PostgresError::Unreached {
        database: database.to_owned(),
        cause: driver_cause(error),
    }
}
