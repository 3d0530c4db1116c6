use std::time::Duration;

use sea_orm::{
    SqlxError,
    sqlx::{
        ConnectOptions, PgPool,
        postgres::{PgConnectOptions, PgListener, PgPoolOptions},
    },
};

use crate::{address, config::StoreConfig, error::PostgresError, pooling::Pooling};

/// The time-out of connecting where no call waits for the connection.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// How connections are made that are not in the pool: each is for one purpose, and past a pooler if there is an address
/// for that.
#[derive(Debug)]
pub(super) struct SeparateConnections {
    options: PgConnectOptions,
    is_direct: bool,
    listens: bool,
}

impl SeparateConnections {
    /// The same server as `options`.
    pub(super) fn of(
        options: &PgConnectOptions,
        config: &StoreConfig,
    ) -> Result<Self, PostgresError> {
        let direct = config
            .direct_url
            .as_ref()
            .map(address::direct)
            .transpose()?;
        let is_direct = direct.is_some();
        let has_session = is_direct || config.pooling == Pooling::Session;
        Ok(Self {
            options: direct.map_or_else(|| options.clone(), |direct| configured(direct, config)),
            is_direct,
            listens: config.listens && has_session,
        })
    }

    /// Tells whether notifications are to be received, and can be.
    pub(super) const fn listens(&self) -> bool {
        self.listens
    }

    /// Tells whether they have an address of their own.
    pub(super) const fn is_direct(&self) -> bool {
        self.is_direct
    }

    /// A connection that receives notifications. It is closed when it is dropped.
    pub(super) async fn listener(&self) -> Result<PgListener, SqlxError> {
        let pool = single().connect_with(self.options.clone()).await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.ignore_pool_close_event(true);
        // A caller that notices the loss starts again with a new connection.
        listener.eager_reconnect(false);
        Ok(listener)
    }

    /// A connection for a migration. It remembers no prepared statement: its next transaction may have another session.
    pub(super) async fn for_migrations(&self) -> Result<PgPool, SqlxError> {
        let options = self.options.clone().statement_cache_capacity(0);
        single().connect_with(options).await
    }
}

/// A pool of the driver for one connection. It is dropped as a whole, and its connection is never reused.
fn single() -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(CONNECT_WITHIN)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

/// The options of an address, with what the configuration adds.
pub(super) fn configured(options: PgConnectOptions, config: &StoreConfig) -> PgConnectOptions {
    let options = options.disable_statement_logging();
    match options.get_application_name() {
        Some(_) => options,
        None => options.application_name(&config.application_name),
    }
}
