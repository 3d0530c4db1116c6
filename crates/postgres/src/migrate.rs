use std::future::Future;

use lemon_migrations::{Migrator, MigratorTrait, applied, hand_back, needed, take_over};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr};
use tokio::time::timeout;
use tracing::warn;

use crate::{
    database::Database,
    error::{PostgresError, cause},
    postgresql::{commit_migration, gives_way, lock_tables},
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
    let db = database.for_migrations().await.map_err(failed)?;
    let mut tries = 1;
    loop {
        let (tx, session) = database.lock_migrations(&db).await.map_err(failed)?;
        let changing = async {
            check(database, &tx, &change).await?;
            match make(&tx, &change).await {
                Ok(()) => commit_migration(tx).await.map_err(failed).map(|()| true),
                Err(error) if tries < TRIES && gives_way(&error) => {
                    tx.rollback().await.map_err(failed)?;
                    Ok(false)
                }
                Err(error) => Err(failed(error)),
            }
        };
        let lost = async {
            match session {
                Some(session) => session.lost().await,
                None => std::future::pending().await,
            }
        };
        let is_done = tokio::select! {
            changed = changing => changed?,
            cause = lost => return Err(PostgresError::Migration {
                database: database.name.clone(),
                cause: cause.to_owned(),
            }),
        };
        if is_done {
            return Ok(());
        }
        warn!("a migration could not lock its tables, which others use, and is tried again");
        tries += 1;
    }
}

/// Refuses a change that this program cannot make.
async fn check(
    database: &Database,
    tx: &DatabaseTransaction,
    change: &MigrationStep,
) -> Result<(), PostgresError> {
    let failed = |error: DbErr| failed(database, &error);
    let applied = applied(tx).await.map_err(failed)?;
    match change {
        MigrationStep::Up => {
            let needed = needed(tx).await.map_err(failed)?;
            refuse(database, unusable(&applied, needed))
        }
        MigrationStep::Down(steps) => refuse_deeper(database, &applied, *steps),
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
    let applied = usable(database).await?;
    let known = known().into_iter();
    Ok(known.filter(|name| !applied.contains(name)).collect())
}

/// Refuses a database that has migrations which this program would have to know.
pub(crate) async fn refuse_newer(database: &Database) -> Result<(), PostgresError> {
    usable(database).await.map(drop)
}

/// The names of the applied migrations, in order, with those that this program does not know.
pub(crate) async fn all_applied(database: &Database) -> Result<Vec<String>, PostgresError> {
    in_time(database, applied(&database.reader)).await
}

/// The names of the applied migrations, unless this program cannot use the database.
async fn usable(database: &Database) -> Result<Vec<String>, PostgresError> {
    let applied = all_applied(database).await?;
    let needed = in_time(database, needed(&database.reader)).await?;
    refuse(database, unusable(&applied, needed))?;
    Ok(applied)
}

/// Limits a query of the migrations to the deadline of calls.
async fn in_time<T>(
    database: &Database,
    look: impl Future<Output = Result<T, DbErr>>,
) -> Result<T, PostgresError> {
    match timeout(database.deadline, look).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(PostgresError::of(&database.name, &error)),
        Err(_) => Err(PostgresError::Unreached {
            database: database.name.clone(),
            cause: "timed out".to_owned(),
        }),
    }
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

/// The migration because of which this program cannot use the database, if there is one: the one that the database says
/// a program must know, or, if it says nothing, the first that this program does not know.
fn unusable(applied: &[String], needed: Option<String>) -> Option<String> {
    let known = known();
    match needed {
        Some(needed) => Some(needed).filter(|needed| !known.contains(needed)),
        None => applied.iter().find(|name| !known.contains(name)).cloned(),
    }
}

/// Refuses to take back more migrations than there are, or one that this program does not know.
fn refuse_deeper(database: &Database, applied: &[String], steps: u32) -> Result<(), PostgresError> {
    let steps = usize::try_from(steps).unwrap_or(usize::MAX);
    let cause = if steps > applied.len() {
        format!("only {} migration(s) are applied", applied.len())
    } else if let Some(newer) = applied[applied.len() - steps..]
        .iter()
        .find(|name| !known().contains(name))
    {
        format!(
            "its migration {newer} is of a newer program, and only that program can take it back"
        )
    } else {
        return Ok(());
    };
    Err(PostgresError::Migration {
        database: database.name.clone(),
        cause,
    })
}

/// The names of this program's migrations, in order.
pub(crate) fn known() -> Vec<String> {
    let steps = Migrator::migrations().into_iter();
    steps.map(|step| step.name().to_owned()).collect()
}
