use std::{sync::Arc, time::Duration};

use backon::{ConstantBuilder, Retryable};
#[cfg(feature = "sqlite")]
use lemon_domain::ports::{NewRegistration, RequestOutcome};
use sea_orm::DatabaseConnection;
use tokio::sync::Mutex;

#[cfg(feature = "sqlite")]
use crate::sqlite::Group;
use crate::{
    calls::Calls, config::StoreConfig, database::Database, error::PostgresError, migrate,
    postgresql::LastUses,
};

/// How often an opening that met a lock is repeated.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The store in a SQL database. Clones share their connections.
///
/// One method of a port is one statement or one transaction, and ends within the deadline. All that two callers
/// could do to the same person at once is decided by a constraint or a lock of the database, never by what was read before.
#[derive(Debug, Clone)]
pub struct SqlStore {
    pub(crate) calls: Calls,
    /// Where requests wait for each other, if the database has one writer.
    #[cfg(feature = "sqlite")]
    pub(crate) group: Option<Group<NewRegistration, RequestOutcome>>,
    /// Where questions for latest uses wait for each other, if each is a round trip to a server.
    pub(crate) last_uses: Option<LastUses>,
    /// Whoever corrects a budget's total has it.
    pub(crate) correcting: Arc<Mutex<()>>,
}

impl SqlStore {
    /// Over connections of the caller's, that other things may use as well. Nothing is asked of the database, and so a newer
    /// program's is found by [`migrate`](Self::migrate) and [`pending_migrations`](Self::pending_migrations) only. Of the
    /// configuration the deadline counts, and on PostgreSQL the channel and the lock.
    ///
    /// The caller answers for what [`connect`](Self::connect) sees to otherwise:
    ///
    /// - The pool gives up waiting for a connection within three quarters of the deadline, so that a call that gets none is
    ///   one that certainly changed nothing, and replaces connections that lead nowhere.
    /// - On PostgreSQL sessions have a `statement_timeout` and an `idle_in_transaction_session_timeout`, without which the
    ///   locks of a program that is paused or cut off stay, and are at the isolation level `READ COMMITTED`, the usual one.
    ///   One connection to listen and one for each migration are made beside the pool, with its options.
    /// - On SQLite `synchronous` is `FULL` and `foreign_keys` is on, which the driver does by itself, and the file is in WAL
    ///   mode, or who reads and who writes wait for each other. A commit is flushed by itself, which is slower with many
    ///   callers.
    ///
    /// [`close`](Self::close) leaves the caller's connections open.
    ///
    /// # Errors
    /// If the channel of the configuration is none, or the connection is none to PostgreSQL or SQLite over sqlx.
    ///
    /// # Panics
    /// On PostgreSQL, outside of a Tokio runtime.
    pub fn new(
        connection: &DatabaseConnection,
        config: &StoreConfig,
    ) -> Result<Self, PostgresError> {
        Database::over(connection, config).map(Self::over)
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
        // SQLite waits for no lock while a fresh file becomes a WAL database: whoever comes second is refused.
        let database = open.retry(until_the_deadline).when(is_locked).await?;
        Ok(Self::over(database))
    }

    fn over(database: Database) -> Self {
        let server = database.server();
        Self {
            correcting: Arc::default(),
            #[cfg(feature = "sqlite")]
            group: server.is_none().then(Group::default),
            last_uses: server.map(|server| LastUses::new(server.reader(), database.deadline)),
            calls: Calls::new(database),
        }
    }

    /// Brings the schema up to date: all that is missing, or nothing. Any number of replicas may do so at once.
    ///
    /// # Errors
    /// If a migration fails, or a newer program has changed the database.
    pub async fn migrate(&self) -> Result<(), PostgresError> {
        migrate::up(self.calls.database()).await
    }

    /// Takes the latest migrations back, and with them what was stored in what they made.
    ///
    /// # Errors
    /// If a migration fails.
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

    /// Returns when the store can never write again, with the cause: the disk under a file has lost what was written to it.
    /// The program must end then; a new start reads what is really there. Never returns for a server.
    pub async fn failed(&self) -> String {
        self.calls.database().failed().await
    }

    /// Closes the connections, unless they are the caller's: those in use when their call ends.
    pub async fn close(&self) {
        self.calls.database().close().await;
    }
}

fn is_locked(error: &PostgresError) -> bool {
    matches!(error, PostgresError::Unreached { cause, .. } if cause == "database is locked")
}
