use lemon_migrations::{Migrator, MigratorTrait, SchemaManager};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, IntoDatabaseExecutor,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
    sea_query::{Order, Query},
};

use crate::{ConnectError, database::Database, error::cause};

/// Where the migrator keeps what was applied.
const APPLIED: &str = "seaql_migrations";

/// Whoever migrates a PostgreSQL database of ours holds the advisory lock of this number: "lemon" in ASCII.
const LOCK: i64 = 0x6c_65_6d_6f_6e;

/// Applies what is missing, in one transaction and under a lock.
pub(crate) async fn up(database: &Database) -> Result<(), ConnectError> {
    let failed = |error: DbErr| ConnectError::Migration {
        database: database.name.clone(),
        cause: cause(&error),
    };
    let tx = lock(database).await.map_err(failed)?;
    let unknown = unknown(&tx).await.map_err(failed)?;
    refuse(database, unknown)?;
    Migrator::up(&tx, None).await.map_err(failed)?;
    tx.commit().await.map_err(failed)
}

/// Takes back the latest `steps`, in one transaction and under a lock.
pub(crate) async fn down(database: &Database, steps: u32) -> Result<(), ConnectError> {
    let failed = |error: DbErr| ConnectError::Migration {
        database: database.name.clone(),
        cause: cause(&error),
    };
    let tx = lock(database).await.map_err(failed)?;
    Migrator::down(&tx, Some(steps)).await.map_err(failed)?;
    tx.commit().await.map_err(failed)
}

/// The names of the migrations that are missing.
pub(crate) async fn pending(database: &Database) -> Result<Vec<String>, ConnectError> {
    refuse_newer(database).await?;
    Migrator::get_pending_migrations_read_only(&database.reader)
        .await
        .map(|pending| pending.iter().map(|step| step.name().to_owned()).collect())
        .map_err(|error| unreached(database, &error))
}

/// Refuses a database that has migrations which this program does not.
pub(crate) async fn refuse_newer(database: &Database) -> Result<(), ConnectError> {
    let unknown = unknown(&database.reader)
        .await
        .map_err(|error| unreached(database, &error))?;
    refuse(database, unknown)
}

fn refuse(database: &Database, unknown: Option<String>) -> Result<(), ConnectError> {
    unknown.map_or(Ok(()), |migration| {
        Err(ConnectError::NewerVersion {
            database: database.name.clone(),
            migration,
        })
    })
}

fn unreached(database: &Database, error: &DbErr) -> ConnectError {
    ConnectError::Unreached {
        database: database.name.clone(),
        cause: cause(error),
    }
}

/// A transaction that no other migration runs beside.
async fn lock(database: &Database) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let tx = database.writer.begin_with_options(options).await?;
    if tx.get_database_backend() == DbBackend::Postgres {
        // Changing a large table, or waiting for who does, takes as long as it takes.
        tx.execute_unprepared("SET LOCAL statement_timeout = 0")
            .await?;
        tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({LOCK})"))
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
