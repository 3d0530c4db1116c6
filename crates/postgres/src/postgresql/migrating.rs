use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    RuntimeErr, SqlxPostgresConnector, Statement, TransactionTrait,
};
use tokio::time::{Instant, sleep, timeout};

use super::{
    separate::CONNECT_WITHIN, server::Server, session::SessionSettings,
    statements::PostgresStatements,
};
use crate::error::{has_code, unchanged};

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
    /// The session of a transaction: behind a pooler, the next transaction may have another one.
    async fn of(
        tx: &DatabaseTransaction,
        others: PostgresStatements,
        deadline: Duration,
    ) -> Result<Self, DbErr> {
        let own = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()";
        let row = tx
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
                    return "the server no longer answers";
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
    pub(crate) async fn for_migrations(&self) -> Result<DatabaseConnection, DbErr> {
        let connecting = timeout(CONNECT_WITHIN, self.separate.for_migrations());
        let pool = connecting.await.map_err(|_| timed_out())?;
        let pool = pool.map_err(unchanged)?;
        let mut connection = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
        if let Some(observer) = &self.observer {
            observer.observe(&mut connection);
        }
        if self.separate.is_direct() && place(&connection).await? != place(&self.reader()).await? {
            let fault = "the direct address leads to another database";
            return Err(DbErr::Conn(RuntimeErr::Internal(fault.to_owned())));
        }
        Ok(connection)
    }

    /// Begins a transaction that excludes other migrations.
    pub(crate) async fn lock_migrations(
        &self,
        connection: &DatabaseConnection,
    ) -> Result<(DatabaseTransaction, MigrationSession), DbErr> {
        loop {
            let trying = timeout(LOCK_WITHIN + UNHEARD, self.try_to_lock(connection));
            if let Some(locked) = trying.await.map_err(|_| timed_out())?? {
                return Ok(locked);
            }
        }
    }

    /// Waits for the lock for a while. After each answer the session is idle, so the server notices if this program is
    /// gone.
    async fn try_to_lock(
        &self,
        connection: &DatabaseConnection,
    ) -> Result<Option<(DatabaseTransaction, MigrationSession)>, DbErr> {
        let tx = connection.begin().await?;
        // The holder may be changing a large table, which takes any time. If the holder was stopped or cut off, the
        // server releases its lock: see the settings. A session that a pooler gives may have statements of the driver's
        // names from an earlier program.
        let lock = format!(
            "{}; DEALLOCATE ALL; SET LOCAL lock_timeout = {}; SELECT pg_advisory_xact_lock({}); \
             SET LOCAL lock_timeout = {TABLE_WITHIN_MS}",
            SessionSettings::of_migrations().command(),
            LOCK_WITHIN.as_millis(),
            self.migration_lock,
        );
        match tx.execute_unprepared(&lock).await {
            Ok(_) => {
                let session = MigrationSession::of(&tx, self.reader(), self.deadline).await?;
                Ok(Some((tx, session)))
            }
            Err(error) if is_lock_timeout(&error) => {
                tx.rollback().await?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Commits a migration, and leaves no statement in the session: a pooler gives it to others.
pub(crate) async fn commit_migration(tx: DatabaseTransaction) -> Result<(), DbErr> {
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_unprepared("DEALLOCATE ALL").await?;
    }
    tx.commit().await
}

/// Which database of which server a connection leads to.
async fn place(db: &impl ConnectionTrait) -> Result<String, DbErr> {
    let asked = "SELECT current_database() || ' ' || pg_postmaster_start_time() AS place";
    let asked = Statement::from_string(DbBackend::Postgres, asked);
    let row = db.query_one_raw(asked).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("the database".to_owned()))?;
    row.try_get("", "place")
}

fn timed_out() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)
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
