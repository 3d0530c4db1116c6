use std::{future::Future, time::Duration};

use lemon_migrations::{Migrator, MigratorTrait, applied, hand_back, take_over};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqliteTransactionMode, SqlxError, TransactionOptions, TransactionTrait,
};
use tokio::time::timeout;
use tracing::warn;

use crate::{
    PostgresError,
    database::Database,
    error::{cause, driver_error},
};

/// How long the lock is waited for before the server says that another has it; then it is waited for again.
const LOCK_WITHIN: Duration = Duration::from_secs(5);

/// How long a migration waits for a table that somebody uses: whoever else wants the table waits behind it meanwhile.
const TABLE_WITHIN_MS: u32 = 10_000;

/// What the calls of running replicas write, in the order in which a request does.
const WRITTEN: &str = "'uses', 'attempts', 'registrations', 'outbox', 'places', 'budget_totals'";

/// How often a change is tried that had to give way to those who use the tables.
const TRIES: u32 = 5;

/// Applies what is missing, in one transaction and under a lock; takes no lock where nothing is missing.
pub(crate) async fn up(database: &Database) -> Result<(), PostgresError> {
    if pending(database).await?.is_empty() {
        return Ok(());
    }
    alone(database, Change::Up).await
}

/// Takes back the latest `steps`, in one transaction and under a lock.
pub(crate) async fn down(database: &Database, steps: u32) -> Result<(), PostgresError> {
    alone(database, Change::Down(steps)).await
}

enum Change {
    Up,
    Down(u32),
}

/// Makes a change that no other is made beside, for as long as its session is there.
async fn alone(database: &Database, change: Change) -> Result<(), PostgresError> {
    let failed = |error: DbErr| failed(database, &error);
    let (db, session) = database.for_migrations().await.map_err(failed)?;
    let lost = async {
        match session {
            Some(session) => session.lost().await,
            None => std::future::pending().await,
        }
    };
    let changing = async {
        let mut tries = 1;
        loop {
            let tx = lock(database, &db).await.map_err(failed)?;
            let applied = applied(&tx).await.map_err(failed)?;
            if matches!(change, Change::Up) {
                refuse(database, unknown(&applied))?;
            }
            match make(&tx, &change).await {
                Ok(()) => return tx.commit().await.map_err(failed),
                Err(error) if tries < TRIES && gives_way(&error) => {
                    tx.rollback().await.map_err(failed)?;
                    warn!("a migration gave way to those who use its tables and is tried again");
                    tries += 1;
                }
                Err(error) => return Err(failed(error)),
            }
        }
    };
    tokio::select! {
        changed = changing => changed,
        cause = lost => Err(PostgresError::Migration {
            database: database.name.clone(),
            cause: cause.to_owned(),
        }),
    }
}

async fn make(tx: &DatabaseTransaction, change: &Change) -> Result<(), DbErr> {
    lock_tables(tx).await?;
    take_over(tx).await?;
    match change {
        Change::Up => Migrator::up(tx, None).await,
        Change::Down(steps) => {
            Migrator::down(tx, Some(*steps)).await?;
            hand_back(tx).await
        }
    }
}

/// The names of the migrations that are missing.
pub(crate) async fn pending(database: &Database) -> Result<Vec<String>, PostgresError> {
    let applied = in_time(database, applied(&database.reader)).await?;
    refuse(database, unknown(&applied))?;
    let all = Migrator::migrations();
    let missing = all.iter().map(|step| step.name().to_owned());
    Ok(missing.filter(|name| !applied.contains(name)).collect())
}

/// Refuses a database that has migrations which this program does not.
pub(crate) async fn refuse_newer(database: &Database) -> Result<(), PostgresError> {
    let applied = in_time(database, applied(&database.reader)).await?;
    refuse(database, unknown(&applied))
}

/// Ends a look at the database at the deadline of calls.
async fn in_time<T>(
    database: &Database,
    look: impl Future<Output = Result<T, DbErr>>,
) -> Result<T, PostgresError> {
    let cause = match timeout(database.deadline, look).await {
        Ok(Ok(found)) => return Ok(found),
        Ok(Err(error)) => cause(&error),
        Err(_) => "timed out".to_owned(),
    };
    Err(PostgresError::Unreached {
        database: database.name.clone(),
        cause,
    })
}

fn refuse(database: &Database, unknown: Option<String>) -> Result<(), PostgresError> {
    unknown.map_or(Ok(()), |migration| {
        Err(PostgresError::NewerVersion {
            database: database.name.clone(),
            migration,
        })
    })
}

fn failed(database: &Database, error: &DbErr) -> PostgresError {
    PostgresError::Migration {
        database: database.name.clone(),
        cause: cause(error),
    }
}

/// A transaction that no other migration runs beside.
async fn lock(database: &Database, db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let number = database.server().map(|server| server.migration_lock());
    loop {
        if let Some(tx) = try_to_lock(db, number).await? {
            return Ok(tx);
        }
    }
}

/// Waits for the lock for a while. With the answer the session is idle, and so the server finds that its program is gone.
async fn try_to_lock(
    db: &DatabaseConnection,
    number: Option<i64>,
) -> Result<Option<DatabaseTransaction>, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let tx = db.begin_with_options(options).await?;
    let Some(number) = number else {
        return Ok(Some(tx));
    };
    // Whoever has it may change a large table, which takes as long as it takes. A program that was stopped or cut off
    // meanwhile loses it: see the settings of the session.
    let lock = format!(
        "SET LOCAL lock_timeout = {}; SELECT pg_advisory_xact_lock({number}); \
         SET LOCAL lock_timeout = {TABLE_WITHIN_MS}",
        LOCK_WITHIN.as_millis()
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

/// Has all others write nothing until the end of the transaction, when what they have begun is done.
///
/// The steps lock tables in an order of their own, and replicas run beside: each would wait for the other, and the server end
/// one of them. Who only reads goes on.
async fn lock_tables(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
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

/// Another had the lock for too long, or each waited for the other. The transaction has done nothing.
fn gives_way(error: &DbErr) -> bool {
    is_lock_timeout(error) || has_code(error, "40P01")
}

fn has_code(error: &DbErr, code: &str) -> bool {
    match driver_error(error) {
        Some(SqlxError::Database(refusal)) => refusal.code().is_some_and(|its| its == code),
        _ => false,
    }
}

/// The first of them that this program does not have.
fn unknown(applied: &[String]) -> Option<String> {
    let known = Migrator::migrations();
    let is_known = |name: &String| known.iter().any(|step| step.name() == name);
    applied.iter().find(|name| !is_known(name)).cloned()
}
