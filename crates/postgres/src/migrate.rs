use std::future::Future;

use lemon_migrations::{Migrator, MigratorTrait, applied, hand_back, take_over};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr};
use tokio::time::timeout;
use tracing::warn;

use crate::{
    database::Database,
    error::{PostgresError, cause},
    postgresql::{gives_way, lock_tables},
};

/// How often a migration is tried that gives way to other users of its tables (a lock time-out or a deadlock).
const TRIES: u32 = 5;

/// Applies the missing migrations, in one transaction and under a lock; takes no lock if none is missing.
pub(crate) async fn up(database: &Database) -> Result<(), PostgresError> {
    if pending(database).await?.is_empty() {
        return Ok(());
    }
    alone(database, MigrationStep::Up).await
}

/// Rolls back the latest `steps`, in one transaction and under a lock.
pub(crate) async fn down(database: &Database, steps: u32) -> Result<(), PostgresError> {
    alone(database, MigrationStep::Down(steps)).await
}

enum MigrationStep {
    Up,
    Down(u32),
}

/// Makes a change while no other migration runs, and stops if its session is lost.
async fn alone(database: &Database, change: MigrationStep) -> Result<(), PostgresError> {
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
            let tx = database.lock_migrations(&db).await.map_err(failed)?;
            let applied = applied(&tx).await.map_err(failed)?;
            if matches!(change, MigrationStep::Up) {
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

async fn make(tx: &DatabaseTransaction, change: &MigrationStep) -> Result<(), DbErr> {
    if tx.get_database_backend() == DbBackend::Postgres {
        lock_tables(tx).await?;
    }
    take_over(tx).await?;
    match change {
        MigrationStep::Up => Migrator::up(tx, None).await,
        MigrationStep::Down(steps) => {
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

/// Refuses a database that has migrations which this program does not have.
pub(crate) async fn refuse_newer(database: &Database) -> Result<(), PostgresError> {
    let applied = in_time(database, applied(&database.reader)).await?;
    refuse(database, unknown(&applied))
}

/// Limits a query of the migrations to the deadline of calls.
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

/// The first applied migration that this program does not have.
fn unknown(applied: &[String]) -> Option<String> {
    let known = Migrator::migrations();
    let is_known = |name: &String| known.iter().any(|step| step.name() == name);
    applied.iter().find(|name| !is_known(name)).cloned()
}
