use std::{future::Future, time::Duration};

use lemon_migrations::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqliteTransactionMode, SqlxError, Statement, TransactionOptions, TransactionTrait,
    sea_query::{Order, Query},
};

use tokio::time::timeout;

use crate::{
    ConnectError,
    database::Database,
    error::{cause, driver_error},
};

/// Where the migrator keeps what was applied.
const APPLIED: &str = "seaql_migrations";

/// Whoever migrates a PostgreSQL database of ours holds the advisory lock of this number: "lemon" in ASCII.
const LOCK: i64 = 0x6c_65_6d_6f_6e;

/// How long the lock is waited for before the server says that another has it; then it is waited for again.
const LOCK_WITHIN: Duration = Duration::from_secs(5);

/// How long a migration waits for a table that somebody uses: whoever else wants the table waits behind it meanwhile.
const TABLE_WITHIN_MS: u32 = 10_000;

/// Applies what is missing, in one transaction and under a lock; takes no lock where nothing is missing.
pub(crate) async fn up(database: &Database) -> Result<(), ConnectError> {
    if pending(database).await?.is_empty() {
        return Ok(());
    }
    alone(database, Change::Up).await
}

/// Takes back the latest `steps`, in one transaction and under a lock.
pub(crate) async fn down(database: &Database, steps: u32) -> Result<(), ConnectError> {
    alone(database, Change::Down(steps)).await
}

enum Change {
    Up,
    Down(u32),
}

/// Makes a change that no other is made beside, for as long as its session is there.
async fn alone(database: &Database, change: Change) -> Result<(), ConnectError> {
    let failed = |error: DbErr| failed(database, &error);
    let (db, session) = database.for_migrations().await.map_err(failed)?;
    let lost = async {
        match session {
            Some(session) => session.lost().await,
            None => std::future::pending().await,
        }
    };
    let changing = async {
        let tx = lock(&db).await.map_err(failed)?;
        match change {
            Change::Up => {
                let applied = applied(&tx).await.map_err(failed)?;
                refuse(database, unknown(&applied))?;
                Migrator::up(&tx, None).await
            }
            Change::Down(steps) => Migrator::down(&tx, Some(steps)).await,
        }
        .map_err(failed)?;
        tx.commit().await.map_err(failed)
    };
    tokio::select! {
        changed = changing => changed,
        cause = lost => Err(ConnectError::Migration {
            database: database.name.clone(),
            cause: cause.to_owned(),
        }),
    }
}

/// The names of the migrations that are missing.
pub(crate) async fn pending(database: &Database) -> Result<Vec<String>, ConnectError> {
    let applied = in_time(database, applied(&database.reader)).await?;
    refuse(database, unknown(&applied))?;
    let all = Migrator::migrations();
    let missing = all.iter().map(|step| step.name().to_owned());
    Ok(missing.filter(|name| !applied.contains(name)).collect())
}

/// Refuses a database that has migrations which this program does not.
pub(crate) async fn refuse_newer(database: &Database) -> Result<(), ConnectError> {
    let applied = in_time(database, applied(&database.reader)).await?;
    refuse(database, unknown(&applied))
}

/// Ends a look at the database at the deadline of calls.
async fn in_time<T>(
    database: &Database,
    look: impl Future<Output = Result<T, DbErr>>,
) -> Result<T, ConnectError> {
    let cause = match timeout(database.deadline, look).await {
        Ok(Ok(found)) => return Ok(found),
        Ok(Err(error)) => cause(&error),
        Err(_) => "timed out".to_owned(),
    };
    Err(ConnectError::Unreached {
        database: database.name.clone(),
        cause,
    })
}

fn refuse(database: &Database, unknown: Option<String>) -> Result<(), ConnectError> {
    unknown.map_or(Ok(()), |migration| {
        Err(ConnectError::NewerVersion {
            database: database.name.clone(),
            migration,
        })
    })
}

fn failed(database: &Database, error: &DbErr) -> ConnectError {
    ConnectError::Migration {
        database: database.name.clone(),
        cause: cause(error),
    }
}

/// A transaction that no other migration runs beside.
async fn lock(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    loop {
        if let Some(tx) = try_to_lock(db).await? {
            return Ok(tx);
        }
    }
}

/// Waits for the lock for a while. With the answer the session is idle, and so the server finds that its program is gone.
async fn try_to_lock(db: &DatabaseConnection) -> Result<Option<DatabaseTransaction>, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let tx = db.begin_with_options(options).await?;
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok(Some(tx));
    }
    // Whoever has it may change a large table, which takes as long as it takes. A program that was stopped or cut off
    // meanwhile loses it: see the settings of the session.
    let lock = format!(
        "SET LOCAL lock_timeout = {}; SELECT pg_advisory_xact_lock({LOCK}); \
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

fn is_lock_timeout(error: &DbErr) -> bool {
    match driver_error(error) {
        Some(SqlxError::Database(refusal)) => refusal.code().is_some_and(|code| code == "55P03"),
        _ => false,
    }
}

/// The migrations that were applied, in order.
async fn applied(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let backend = db.get_database_backend();
    let look = match backend {
        DbBackend::Postgres => format!("SELECT 1 WHERE to_regclass('{APPLIED}') IS NOT NULL"),
        _ => format!("SELECT 1 FROM sqlite_master WHERE name = '{APPLIED}'"),
    };
    let table = db.query_one_raw(Statement::from_string(backend, look));
    if table.await?.is_none() {
        return Ok(Vec::new());
    }
    let applied = Query::select()
        .column("version")
        .from(APPLIED)
        .order_by("version", Order::Asc)
        .take();
    let rows = db.query_all(&applied).await?;
    rows.iter().map(|row| row.try_get("", "version")).collect()
}

/// The first of them that this program does not have.
fn unknown(applied: &[String]) -> Option<String> {
    let known = Migrator::migrations();
    let is_known = |name: &String| known.iter().any(|step| step.name() == name);
    applied.iter().find(|name| !is_known(name)).cloned()
}
