use std::time::Duration;

use sea_orm::{
    DatabaseConnection, DbErr, SqlxError,
    sqlx::{
        ConnectOptions,
        postgres::{PgConnectOptions, PgListener, PgPoolOptions},
    },
};
use secrecy::ExposeSecret;

use super::{
    connections::PostgresConnections, pool::Pool, statements::PostgresStatements,
    transaction::PostgresTransaction,
};
use crate::{
    config::StoreConfig,
    error::{PostgresError, cause},
    observer::Observer,
};

/// The time-out of connecting where no call waits for the connection.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// A PostgreSQL server, and how to reach it.
#[derive(Debug)]
pub(crate) struct Server {
    /// The name in errors: never with a password.
    name: String,
    pub(super) options: PgConnectOptions,
    connections: PostgresConnections,
    pub(super) deadline: Duration,
    pub(super) channel: String,
    pub(super) migration_lock: i64,
    pub(super) observer: Option<Observer>,
}

/// Checks that the server can be used; further connections are made when they are needed.
pub(crate) async fn open(config: &StoreConfig) -> Result<Server, PostgresError> {
    let options = options(config)?;
    let name = name(&options);
    let pool = Pool::new(
        options.clone(),
        config.max_connections,
        config.deadline,
        config.observer.clone(),
    );
    let pool = pool.map_err(|error| PostgresError::Unreached {
        database: name.clone(),
        cause: error.to_string(),
    })?;
    // The first connection shows whether any can be made.
    let first = pool.borrow().await;
    let first = first.map_err(|error| PostgresError::Unreached {
        database: name.clone(),
        cause: cause(&error),
    })?;
    first.give_back();
    Ok(Server::with(
        options,
        PostgresConnections::Own(pool),
        config,
    ))
}

/// The server that a pool of the caller connects to. This sends nothing to it.
pub(crate) fn over(connection: &DatabaseConnection, config: &StoreConfig) -> Server {
    let pool = connection.get_postgres_connection_pool();
    let options = PgConnectOptions::clone(&pool.connect_options());
    Server::with(
        options,
        PostgresConnections::Given(connection.clone()),
        config,
    )
}

impl Server {
    fn with(
        options: PgConnectOptions,
        connections: PostgresConnections,
        config: &StoreConfig,
    ) -> Self {
        Self {
            name: name(&options),
            options,
            connections,
            deadline: config.deadline,
            channel: config.channel.clone(),
            migration_lock: config.migration_lock,
            observer: config.observer.clone(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// For statements that change something and are a transaction each.
    pub(crate) fn writer(&self) -> PostgresStatements {
        PostgresStatements::that_write(self.connections.clone())
    }

    /// For statements that only read.
    pub(crate) fn reader(&self) -> PostgresStatements {
        PostgresStatements::that_read(self.connections.clone())
    }

    pub(crate) async fn begin(&self) -> Result<PostgresTransaction, DbErr> {
        PostgresTransaction::begin(&self.connections).await
    }

    /// Closes the store's own connections; the caller's remain open.
    pub(crate) async fn close(&self) {
        if let PostgresConnections::Own(pool) = &self.connections {
            pool.close().await;
        }
    }

    /// A separate connection that receives notifications. It is closed when it is dropped.
    pub(super) async fn listener(&self) -> Result<PgListener, SqlxError> {
        let pool = Self::single().connect_with(self.options.clone()).await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.ignore_pool_close_event(true);
        // A caller that notices the loss starts again with a new connection.
        listener.eager_reconnect(false);
        Ok(listener)
    }

    /// A pool of the driver for one connection. It is dropped as a whole, and its connection is never reused.
    pub(super) fn single() -> PgPoolOptions {
        PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECT_WITHIN)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
    }
}

pub(super) fn options(config: &StoreConfig) -> Result<PgConnectOptions, PostgresError> {
    let options: PgConnectOptions = config
        .url
        .expose_secret()
        .parse()
        // The driver's message may quote the address, including the password.
        .map_err(|_| PostgresError::Address("it is no PostgreSQL address".to_owned()))?;
    let options = options.disable_statement_logging();
    Ok(match options.get_application_name() {
        Some(_) => options,
        None => options.application_name(&config.application_name),
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
