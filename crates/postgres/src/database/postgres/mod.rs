mod health;
mod pool;
mod session;
mod statements;
mod transaction;

use std::{sync::Arc, time::Duration};

use sea_orm::{
    DatabaseConnection, DbErr, SqlxError, SqlxPostgresConnector,
    sqlx::{
        ConnectOptions, Connection,
        postgres::{PgConnectOptions, PgListener, PgPoolOptions},
    },
};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use self::{pool::Pool, session::Settings};
pub(crate) use self::{statements::Statements, transaction::Transaction};
use super::{Database, Executor, Kind, unreached};
use crate::{ConnectError, StoreConfig};

/// PostgreSQL, and how it is reached.
#[derive(Debug)]
pub(crate) struct Server {
    options: PgConnectOptions,
    pool: Pool,
    deadline: Duration,
}

/// Finds out whether the server can be used; connections are made when they are needed.
pub(super) async fn open(config: &StoreConfig) -> Result<Database, ConnectError> {
    let options = options(config)?;
    let name = name(&options);
    // A pool would only say that it timed out.
    timeout(config.deadline, try_out(&options))
        .await
        .unwrap_or_else(|_| Err(SqlxError::Io(std::io::ErrorKind::TimedOut.into())))
        .map_err(|error| unreached(&name, &error))?;
    let pool = Pool::new(options.clone(), config.max_connections, config.deadline);
    let pool = pool.map_err(|error| ConnectError::Unreached {
        database: name.clone(),
        cause: error.to_string(),
    })?;
    Ok(Database {
        name,
        deadline: config.deadline,
        writer: Executor::Postgres(Statements::that_write(pool.clone())),
        reader: Executor::Postgres(Statements::that_read(pool.clone())),
        kind: Kind::Postgres(Arc::new(Server {
            options,
            pool,
            deadline: config.deadline,
        })),
    })
}

impl Server {
    pub(crate) async fn begin(&self) -> Result<Transaction, DbErr> {
        Transaction::begin(&self.pool).await
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    /// Every statement that is sent.
    #[cfg(test)]
    pub(crate) fn sent(&self) -> crate::plans::Sent {
        self.pool.sent()
    }

    /// A connection of its own, as the migrator takes it: that of the driver. Who drops it closes it.
    pub(crate) async fn for_migrations(&self) -> Result<DatabaseConnection, SqlxError> {
        let pool = self.single().connect_with(self.options.clone()).await?;
        let settings = Settings::of_migrations();
        settings.apply(&mut *pool.acquire().await?).await?;
        Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
    }

    /// A connection of its own that is told of notifications. Who drops it closes it.
    pub(crate) async fn listener(&self) -> Result<PgListener, SqlxError> {
        let pool = self.single().connect_with(self.options.clone()).await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.ignore_pool_close_event(true);
        // Who hears of the loss begins with a connection that is new altogether.
        listener.eager_reconnect(false);
        Ok(listener)
    }

    /// The driver's pool for one connection. It is given up as a whole, and none comes back to it to be used again.
    fn single(&self) -> PgPoolOptions {
        PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(self.deadline)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
    }
}

fn options(config: &StoreConfig) -> Result<PgConnectOptions, ConnectError> {
    let options: PgConnectOptions = config
        .url
        .expose_secret()
        .parse()
        // The driver's words may quote the address, password and all.
        .map_err(|_| ConnectError::Address("it is no PostgreSQL address".to_owned()))?;
    let options = options.disable_statement_logging();
    Ok(match options.get_application_name() {
        Some(_) => options,
        None => options.application_name("lemon-toolbox"),
    })
}

fn name(options: &PgConnectOptions) -> String {
    format!(
        "PostgreSQL at {}:{}/{}",
        options.get_host(),
        options.get_port(),
        options
            .get_database()
            .unwrap_or_else(|| options.get_username())
    )
}

async fn try_out(options: &PgConnectOptions) -> Result<(), SqlxError> {
    options.connect().await?.close().await
}
