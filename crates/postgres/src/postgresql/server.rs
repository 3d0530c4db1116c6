use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr, sqlx::postgres::PgConnectOptions};

use super::{
    connections::PostgresConnections,
    pool::Pool,
    separate::{SeparateConnections, configured},
    statements::PostgresStatements,
    transaction::PostgresTransaction,
};
use crate::{
    config::StoreConfig, error::PostgresError, observer::Observer, pool_status::PoolStatus,
};

/// A PostgreSQL server, and how to reach it.
#[derive(Debug)]
pub(crate) struct Server {
    /// The name in errors: never with a password.
    name: String,
    pub(super) separate: SeparateConnections,
    connections: PostgresConnections,
    pub(super) deadline: Duration,
    pub(super) channel: String,
    pub(super) migration_lock: i64,
    pub(super) observer: Option<Observer>,
}

/// Checks that the server can be used; further connections are made when they are needed.
pub(crate) async fn open(
    options: PgConnectOptions,
    config: &StoreConfig,
) -> Result<Server, PostgresError> {
    let options = configured(options, config);
    let separate = SeparateConnections::of(&options, config)?;
    let name = name(&options);
    let pool = Pool::new(options, config);
    let pool = pool.map_err(|error| PostgresError::Unreached {
        database: name.clone(),
        cause: error.to_string(),
    })?;
    // The first connection shows whether any can be made.
    let first = pool.borrow().await;
    let first = first.map_err(|error| PostgresError::of(&name, &error))?;
    first.give_back();
    Ok(Server::with(
        name,
        PostgresConnections::Own(pool),
        separate,
        config,
    ))
}

/// The server that a pool of the caller connects to. This sends nothing to it.
pub(crate) fn over(
    connection: &DatabaseConnection,
    config: &StoreConfig,
) -> Result<Server, PostgresError> {
    let options = connection.get_postgres_connection_pool().connect_options();
    Ok(Server::with(
        name(&options),
        PostgresConnections::Given(connection.clone()),
        SeparateConnections::of(&options, config)?,
        config,
    ))
}

impl Server {
    fn with(
        name: String,
        connections: PostgresConnections,
        separate: SeparateConnections,
        config: &StoreConfig,
    ) -> Self {
        Self {
            name,
            separate,
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

    /// How many connections there are now.
    pub(crate) fn pool_status(&self) -> PoolStatus {
        match &self.connections {
            PostgresConnections::Own(pool) => pool.status(),
            PostgresConnections::Given(connection) => {
                PoolStatus::of(connection.get_postgres_connection_pool())
            }
        }
    }

    /// Closes the store's own connections; the caller's remain open.
    pub(crate) async fn close(&self) {
        if let PostgresConnections::Own(pool) = &self.connections {
            pool.close().await;
        }
    }
}

pub(super) fn name(options: &PgConnectOptions) -> String {
    format!(
        "PostgreSQL at {}:{}/{}",
        options.get_host(),
        options.get_port(),
        options
            .get_database()
            .unwrap_or_else(|| options.get_username())
    )
}
