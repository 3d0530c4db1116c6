//! The connections to a database.

#[cfg(feature = "sqlite")]
mod log;
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::{io, time::Duration};

use sea_orm::{DatabaseConnection, SqlxError, sqlx::PgPool};
use secrecy::ExposeSecret;

use crate::{ConnectError, StoreConfig, error::driver_cause};

/// A database and the connections to it.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    /// What it is called in errors: never with a password.
    pub(crate) name: String,
    /// For whatever changes something.
    pub(crate) writer: DatabaseConnection,
    /// For whatever only reads.
    pub(crate) reader: DatabaseConnection,
    /// Whether writes wait for one another.
    pub(crate) one_writer: bool,
    /// For news from the other replicas, where there can be any. A connection of its own, for it is never given back.
    pub(crate) news: Option<PgPool>,
    /// Where commits become durable, if not by themselves.
    #[cfg(feature = "sqlite")]
    log: Option<log::WriteAheadLog>,
}

impl Database {
    /// Connects, and says what is wrong if it cannot.
    pub(crate) async fn open(config: &StoreConfig) -> Result<Self, ConnectError> {
        match config.url.expose_secret().split_once("://") {
            Some(("postgres" | "postgresql", _)) => postgres::open(config).await,
            #[cfg(feature = "sqlite")]
            Some(("sqlite", path)) => sqlite::open(path, config).await,
            _ => Err(ConnectError::Address(format!(
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
        #[cfg(feature = "sqlite")]
        if let Some(log) = &self.log {
            log.flush().await?;
        }
        Ok(())
    }
}

/// The part of the deadline for which a connection is waited for: what is left is for the work. A call that gets no
/// connection thus ends as one that certainly changed nothing.
pub(crate) fn patience(deadline: Duration) -> Duration {
    deadline * 3 / 4
}

fn unreached(database: &str, error: &SqlxError) -> ConnectError {
    ConnectError::Unreached {
        database: database.to_owned(),
        cause: driver_cause(error),
    }
}
