use std::future::Future;

use lemon_migrations::{Migrator, MigratorTrait, SchemaManager};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    IntoDatabaseExecutor, SqliteTransactionMode, TransactionOptions, TransactionTrait,
    sea_query::{Order, Query},
};

use tokio::time::timeout;

use crate::{ConnectError, database::Database, error::cause};

/// Where the migrator keeps what was applied.
const APPLIED: &str = "seaql_migrations";

/// Whoever migrates a PostgreSQL database of ours holds the advisory lock of this number: "lemon" in ASCII.
const LOCK: i64 = 0x6c_65_6d_6f_6e;

/// Applies what is missing, in one transaction and under a lock; takes no lock where nothing is missing.
pub(crate) async fn up(database: &Database) -> Result<(), ConnectError> {
    if pending(database).await?.is_empty() {
        return Ok(());
    }
    let failed = |error: DbErr| failed(database, &error);
    let db = database.for_migrations().await.map_err(failed)?;
    let tx = lock(&db).await.map_err(failed)?;
    let unknown = unknown(&tx).await.map_err(failed)?;
    refuse(database, unknown)?;
    Migrator::up(&tx, None).await.map_err(failed)?;
    tx.commit().await.map_err(failed)
}

/// Takes back the latest `steps`, in one transaction and under a lock.
pub(crate) async fn down(database: &Database, steps: u32) -> Result<(), ConnectError> {
    let failed = |error: DbErr| failed(database, &error);
    let db = database.for_migrations().await.map_err(failed)?;
    let tx = lock(&db).await.map_err(failed)?;
    Migrator::down(&tx, Some(steps)).await.map_err(failed)?;
    tx.commit().await.map_err(failed)
}

/// The names of the migrations that are missing.
pub(crate) async fn pending(database: &Database) -> Result<Vec<String>, ConnectError> {
    let look = async {
        let db = database.for_migrations().await?;
        if let Some(unknown) = unknown(&db).await? {
            return Ok((Some(unknown), Vec::new()));
        }
        let pending = Migrator::get_pending_migrations_read_only(&db).await?;
        Ok((None, pending))
    };
    let (unknown, pending) = in_time(database, look).await?;
    refuse(database, unknown)?;
    Ok(pending.iter().map(|step| step.name().to_owned()).collect())
}

/// Refuses a database that has migrations which this program does not.
pub(crate) async fn refuse_newer(database: &Database) -> Result<(), ConnectError> {
    let look = async { unknown(&database.for_migrations().await?).await };
    let unknown = in_time(database, look).await?;
    refuse(database, unknown)
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
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let tx = db.begin_with_options(options).await?;
    if tx.get_database_backend() == DbBackend::Postgres {
        // Whoever has it may change a large table, which takes as long as it takes.
        tx.execute_unprepared(&format!(
            "SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock({LOCK}); SET LOCAL lock_timeout = '10s'"
        ))
        .await?;
    }
    Ok(tx)
}

/// The first applied migration that this program does not have.
async fn unknown<'c>(db: impl IntoDatabaseExecutor<'c>) -> Result<Option<String>, DbErr> {
    let manager = SchemaManager::new(db);
    if !manager.has_table(APPLIED).await? {
        return Ok(None);
    }
    let applied = Query::select()
        .column("version")
        .from(APPLIED)
        .order_by("version", Order::Asc)
        .take();
    let known = Migrator::migrations();
    for row in manager.get_connection().query_all(&applied).await? {
        let version: String = row.try_get("", "version")?;
        if known.iter().all(|step| step.name() != version) {
            return Ok(Some(version));
        }
    }
    Ok(None)
}
