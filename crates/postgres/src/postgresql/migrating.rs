use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqlxError, SqlxPostgresConnector, Statement, TransactionTrait,
};
use tokio::time::{Instant, sleep, timeout};

use super::{
    server::{CONNECT_WITHIN, Server},
    session::SessionSettings,
    statements::PostgresStatements,
};
use crate::error::{driver_error, unchanged};

/// How long one attempt waits for the lock before the server says that another holds it; then the next attempt begins.
const LOCK_WITHIN: Duration = Duration::from_secs(5);

/// How long a migration waits for a table that is in use: everybody else who wants the table waits behind it meanwhile.
const TABLE_WITHIN_MS: u32 = 10_000;

/// The tables that the calls of running replicas write, in the order in which a request locks them.
const WRITTEN: &str = "'uses', 'attempts', 'registrations', 'outbox', 'places', 'budget_totals'";

/// How often the server is asked whether the session of a migration still exists.
const LOOK: Duration = Duration::from_secs(2);

/// How long a migration continues although the server does not answer.
const UNHEARD: Duration = Duration::from_secs(30);

/// The session of a migration, as other sessions see it.
///
/// A migration may take any time, so no deadline can tell whether its connection was cut silently. The server can tell,
/// over another connection: it ends a session that is silent between two statements.
#[derive(Debug)]
pub(crate) struct MigrationSession {
    pid: i32,
    /// Identifies the session together with `pid`: the server reuses the number, and does so at once after a restart.
    pub(super) began_at: DateTime<Utc>,
    /// Statements over other connections, which are replaced when they break.
    others: PostgresStatements,
    deadline: Duration,
}

impl MigrationSession {
    /// The session of a connection.
    pub(super) async fn of(
        connection: &DatabaseConnection,
        others: PostgresStatements,
        deadline: Duration,
    ) -> Result<Self, DbErr> {
        let own = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()";
        let row = connection
            .query_one_raw(Statement::from_string(DbBackend::Postgres, own))
            .await?
            .ok_or_else(|| DbErr::RecordNotFound("the session".to_owned()))?;
        Ok(Self {
            pid: row.try_get("", "pid")?,
            began_at: row.try_get("", "backend_start")?,
            others,
            deadline,
        })
    }

    /// Returns when the session has ended or the server does not answer any more, with the cause.
    pub(crate) async fn lost(&self) -> &'static str {
        let mut heard = Instant::now();
        loop {
            sleep(LOOK).await;
            match timeout(self.deadline, self.is_there()).await {
                Ok(Ok(true)) => heard = Instant::now(),
                Ok(Ok(false)) => return "the server has ended the session",
                Ok(Err(_)) | Err(_) if heard.elapsed() > UNHEARD => {
                    return "the server does not answer any more";
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }

    pub(super) async fn is_there(&self) -> Result<bool, DbErr> {
        let look = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2",
            [self.pid.into(), self.began_at.into()],
        );
        Ok(self.others.query_one_raw(look).await?.is_some())
    }
}

impl Server {
    /// A separate connection of the driver's type, which the migrator needs. It is closed when it is dropped.
    pub(crate) async fn for_migrations(
        &self,
    ) -> Result<(DatabaseConnection, MigrationSession), DbErr> {
        let connecting = async {
            let pool = Self::single().connect_with(self.options.clone()).await;
            let pool = pool.map_err(unchanged)?;
            let mut connection = pool.acquire().await.map_err(unchanged)?;
            let told = SessionSettings::of_migrations()
                .apply(&mut connection)
                .await;
            told.map_err(unchanged)?;
            drop(connection);
            let mut connection = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
            if let Some(observer) = &self.observer {
                observer.observe(&mut connection);
            }
            let session = MigrationSession::of(&connection, self.reader(), self.deadline).await?;
            Ok((connection, session))
        };
        timeout(CONNECT_WITHIN, connecting)
            .await
            .unwrap_or(Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)))
    }

    /// Begins a transaction that excludes other migrations.
    pub(crate) async fn lock_migrations(
        &self,
        connection: &DatabaseConnection,
    ) -> Result<DatabaseTransaction, DbErr> {
        loop {
            if let Some(tx) = self.try_to_lock(connection).await? {
                return Ok(tx);
            }
        }
    }

    /// Waits for the lock for a while. After each answer the session is idle, so the server notices if this program is
    /// gone.
    async fn try_to_lock(
        &self,
        connection: &DatabaseConnection,
    ) -> Result<Option<DatabaseTransaction>, DbErr> {
        let tx = connection.begin().await?;
        // The holder may be changing a large table, which takes any time. If the holder was stopped or cut off, the
        // server releases its lock: see the settings of the session.
        let lock = format!(
            "SET LOCAL lock_timeout = {}; SELECT pg_advisory_xact_lock({}); \
             SET LOCAL lock_timeout = {TABLE_WITHIN_MS}",
            LOCK_WITHIN.as_millis(),
            self.migration_lock,
        );
        match tx.execute_unprepared(&lock).await {
            Ok(_) => Ok(Some(tx)),
            Err(error) if is_lock_timeout(&error) => {
                tx.rollback().await?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Waits until the transactions that write to these tables have ended, and keeps others from writing until this one ends.
///
/// Migrations lock tables in a different order than the running replicas: without this, each could wait for the other,
/// and the server would end one of them. Transactions that only read go on.
pub(crate) async fn lock_tables(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    let lock = format!(
        "DO $$ DECLARE written text; BEGIN FOREACH written IN ARRAY ARRAY[{WRITTEN}] LOOP \
         IF to_regclass(written) IS NOT NULL THEN \
         EXECUTE format('LOCK TABLE %I IN EXCLUSIVE MODE', written); END IF; END LOOP; END $$"
    );
    tx.execute_unprepared(&lock).await?;
    Ok(())
}

fn is_lock_timeout(error: &DbErr) -> bool {
    has_code(error, "55P03")
}

/// Tells whether another transaction held the lock for too long, or there was a deadlock. Nothing has changed.
pub(crate) fn gives_way(error: &DbErr) -> bool {
    is_lock_timeout(error) || has_code(error, "40P01")
}

fn has_code(error: &DbErr, code: &str) -> bool {
    match driver_error(error) {
        Some(SqlxError::Database(refusal)) => refusal.code().is_some_and(|its| its == code),
        _ => false,
    }
}
