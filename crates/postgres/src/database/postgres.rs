use std::time::Duration;

use sea_orm::{
    SqlxError, SqlxPostgresConnector,
    sqlx::{
        ConnectOptions, Connection,
        postgres::{PgConnectOptions, PgPoolOptions},
    },
};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::{Database, patience, unreached};
use crate::{ConnectError, StoreConfig};

/// A connection that rested for so long is tried before it is used: a server or a firewall may have dropped it.
const RESTED: Duration = Duration::from_secs(5);

pub(super) async fn open(config: &StoreConfig) -> Result<Database, ConnectError> {
    let options = options(config)?;
    let name = name(&options);
    // The pool would only say that it timed out.
    timeout(config.deadline, try_out(&options))
        .await
        .unwrap_or_else(|_| Err(SqlxError::Io(std::io::ErrorKind::TimedOut.into())))
        .map_err(|error| unreached(&name, &error))?;
    let pool = PgPoolOptions::new()
        .max_connections(config.max_connections)
        .acquire_timeout(patience(config.deadline))
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for >= RESTED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options.clone());
    let news = PgPoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options);
    let connection = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
    Ok(Database {
        name,
        writer: connection.clone(),
        reader: connection,
        one_writer: false,
        news: Some(news),
        #[cfg(feature = "sqlite")]
        log: None,
    })
}

fn options(config: &StoreConfig) -> Result<PgConnectOptions, ConnectError> {
    let options: PgConnectOptions = config
        .url
        .expose_secret()
        .parse()
        // The driver's words may quote the address, password and all.
        .map_err(|_| ConnectError::Address("it is no PostgreSQL address".to_owned()))?;
    let options = options
        .options([
            // The server gives up too: a statement must not hold its locks after its call has ended.
            (
                "statement_timeout",
                config.deadline.as_millis().max(1).to_string(),
            ),
            // Each start would be told that the tables are there already.
            ("client_min_messages", "warning".to_owned()),
        ])
        .disable_statement_logging();
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
