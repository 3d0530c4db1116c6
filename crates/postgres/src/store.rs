use std::{sync::Arc, time::Duration};

use backon::{ConstantBuilder, Retryable};
use lemon_batching::Batches;
#[cfg(feature = "sqlite")]
use lemon_domain::ports::RequestOutcome;
use sea_orm::DatabaseConnection;
use tokio::sync::Mutex;

#[cfg(feature = "sqlite")]
use crate::{asked::AskedRequest, sqlite::Group};
use crate::{
    calls::Calls, config::StoreConfig, database::Database, error::PostgresError,
    last_uses::LastUses, migrate, pool_status::PoolStatus, rights,
};

/// The time between two attempts to open a locked file.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The store in a SQL database. Clones share their connections.
///
/// One method of a port is one statement or one transaction, and ends within the deadline. Every race between two calls
/// for one person is decided by a constraint or a lock of the database, never by an earlier read.
#[derive(Debug, Clone)]
pub struct SqlStore {
    pub(crate) calls: Calls,
    /// Groups waiting requests into one transaction, if the database has one writer.
    #[cfg(feature = "sqlite")]
    pub(crate) group: Option<Group<AskedRequest, RequestOutcome>>,
    /// Sends waiting requests in one statement, if each would be a round trip to a server.
    pub(crate) requests: Option<Batches<Calls>>,
    /// Sends waiting queries for latest uses in one statement.
    pub(crate) last_uses: LastUses,
    /// Held while a budget's total is corrected.
    pub(crate) correcting: Arc<Mutex<()>>,
}

impl SqlStore {
    /// Uses connections of the caller, which may be used for other purposes as well. This sends nothing to the
    /// database, so only [`migrate`](Self::migrate) and [`pending_migrations`](Self::pending_migrations) find out that
    /// a newer program has changed it. Of the configuration it uses the deadline, and on PostgreSQL the channel, the
    /// lock, whether it listens, and the direct address.
    ///
    /// The caller must ensure what [`connect`](Self::connect) ensures otherwise:
    ///
    /// - The pool gives up waiting for a connection within three quarters of the deadline, so that it is certain that a call
    ///   that gets none changed nothing. It replaces broken connections.
    /// - On PostgreSQL, sessions have a `statement_timeout` and an `idle_in_transaction_session_timeout`; without them the
    ///   locks of a program that is paused or cut off stay. They use the isolation level `READ COMMITTED`, the default.
    ///   Each connection leads to one session: a pooler must be in session mode. One connection to listen and one for
    ///   each migration are made outside of the pool, with its options or at the direct address.
    /// - On SQLite, `synchronous` is `FULL` and `foreign_keys` is on, which are the driver's defaults, and the file is in WAL
    ///   mode; otherwise readers and writers wait for each other. Each commit is flushed separately, which is slower with many
    ///   callers.
    ///
    /// [`close`](Self::close) leaves the caller's connections open.
    ///
    /// # Errors
    /// If the channel of the configuration is not valid, or the connection is not one to PostgreSQL or SQLite over sqlx.
    ///
    /// # Panics
    /// On PostgreSQL, outside of a Tokio runtime.
    pub fn new(
        connection: &DatabaseConnection,
        config: &StoreConfig,
    ) -> Result<Self, PostgresError> {
        Database::over(connection, config).map(Self::over)
    }

    /// The migration with which a database lists the replicas that serve.
    pub const LISTS_REPLICAS: &str = "m20261127_000012_operators";

    /// The names of all migrations that this program knows, in order.
    #[must_use]
    pub fn known_migrations() -> Vec<String> {
        migrate::known()
    }

    /// Connects. The schema stays as it is: see [`SqlStore::migrate`].
    ///
    /// # Errors
    /// If the configuration is wrong, the database is not reached, or a newer program has changed it.
    pub async fn connect(config: &StoreConfig) -> Result<Self, PostgresError> {
        let open = || async {
            let database = Database::open(config).await?;
            migrate::refuse_newer(&database).await?;
            Ok(database)
        };
        let times = config.deadline.as_millis() / LOOK_AGAIN.as_millis();
        let until_the_deadline = ConstantBuilder::default()
            .with_delay(LOOK_AGAIN)
            .with_max_times(usize::try_from(times).unwrap_or(usize::MAX));
        // While a new file becomes a WAL database, SQLite does not wait for locks: it refuses the second program.
        let database = open.retry(until_the_deadline).when(is_locked).await?;
        Ok(Self::over(database))
    }

    fn over(database: Database) -> Self {
        let is_server = database.server().is_some();
        let deadline = database.deadline;
        let calls = Calls::new(database);
        Self {
            correcting: Arc::default(),
            #[cfg(feature = "sqlite")]
            group: (!is_server).then(Group::default),
            requests: is_server.then(|| Batches::new(calls.clone())),
            last_uses: LastUses::new(calls.reader().clone(), deadline),
            calls,
        }
    }

    /// Applies all missing migrations, or none. Any number of replicas may do so at once.
    ///
    /// # Errors
    /// If a migration fails, or a newer program has changed the database.
    pub async fn migrate(&self) -> Result<(), PostgresError> {
        migrate::up(self.calls.database()).await
    }

    /// Rolls back the latest migrations, and removes the data in what they created.
    ///
    /// # Errors
    /// If a migration fails, fewer are applied, or one of them is of a newer program.
    pub async fn roll_back(&self, steps: u32) -> Result<(), PostgresError> {
        migrate::down(self.calls.database(), steps).await
    }

    /// The migrations that are missing, in order. Changes nothing.
    ///
    /// # Errors
    /// If the database does not answer, or a newer program has changed it.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, PostgresError> {
        migrate::pending(self.calls.database()).await
    }

    /// The migrations that are applied, in order, with those of a newer program. Changes nothing.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn applied_migrations(&self) -> Result<Vec<String>, PostgresError> {
        migrate::all_applied(self.calls.database()).await
    }

    /// Checks that the user of the database may do what this program does: read and write each table and, if migrations
    /// are missing, make them. Changes nothing.
    ///
    /// # Errors
    /// [`PostgresError::Refused`] with what is missing, or if the database does not answer.
    pub async fn check_rights(&self) -> Result<(), PostgresError> {
        rights::check(self.calls.database()).await
    }

    /// Returns when the store can never write again, with the cause: the disk under a file has lost data that was
    /// written. The program must end then; a new start reads what is really there. Never returns for a server.
    pub async fn failed(&self) -> String {
        self.calls.database().failed().await
    }

    /// How many connections there are now. Asks nobody.
    #[must_use]
    pub fn pool_status(&self) -> PoolStatus {
        self.calls.database().pool_status()
    }

    /// Closes the connections, unless they are the caller's. Connections in use are closed when their call ends.
    pub async fn close(&self) {
        self.calls.database().close().await;
    }
}

fn is_locked(error: &PostgresError) -> bool {
    matches!(error, PostgresError::Unreached { cause, .. } if cause == "database is locked")
}
