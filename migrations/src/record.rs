//! The record of the applied steps.

use sea_orm_migration::{
    MigrationName, MigrationTrait, MigratorTrait,
    prelude::*,
    sea_orm::{DbBackend, Statement},
};

use crate::{Migrator, m20261127_000011_own_record::OwnRecord};

/// The table of this crate's steps.
pub(crate) const TABLE: &str = "lemon_migrations";

/// The table in which the steps before [`OwnRecord`] were recorded, together with those of every program that names no
/// other table.
const SHARED: &str = "seaql_migrations";

/// Makes the shared table; it has no steps.
struct Shared;

impl MigratorTrait for Shared {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Vec::new()
    }
}

/// The names of the applied steps, in order, including those that this program does not know.
///
/// Reads only. Does not include the steps of others in `seaql_migrations`.
///
/// # Errors
/// Those of the database.
pub async fn applied(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let mut applied = names(db, TABLE).await?;
    if !is_moved(&applied) {
        let known = known();
        let before = names(db, SHARED).await?.into_iter();
        applied.extend(before.filter(|name| known.contains(name)));
        applied.sort_unstable();
        applied.dedup();
    }
    Ok(applied)
}

/// Moves the rows of this crate's steps from `seaql_migrations` into a separate table. Does nothing if that was done
/// before.
///
/// Call it before [`Migrator::up`] and [`Migrator::down`], in the transaction in which they run.
///
/// # Errors
/// Those of the database.
pub async fn take_over(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    Migrator::install(db).await?;
    if is_moved(&names(db, TABLE).await?) || !can_be_read(db, SHARED).await? {
        return Ok(());
    }
    move_rows(db, SHARED, TABLE).await
}

/// Moves the rows back after a roll-back beyond the step with which they got a separate table: an earlier version of
/// this crate looks for them in `seaql_migrations`.
///
/// Call it after [`Migrator::down`], in the same transaction.
///
/// # Errors
/// Those of the database.
pub async fn hand_back(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    let applied = names(db, TABLE).await?;
    if applied.is_empty() || is_moved(&applied) {
        return Ok(());
    }
    Shared::install(db).await?;
    move_rows(db, TABLE, SHARED).await
}

fn is_moved(applied: &[String]) -> bool {
    applied.iter().any(|name| name == OwnRecord.name())
}

fn known() -> Vec<String> {
    let steps = Migrator::migrations().into_iter();
    steps.map(|step| step.name().to_owned()).collect()
}

async fn move_rows(
    db: &impl ConnectionTrait,
    from: &'static str,
    to: &'static str,
) -> Result<(), DbErr> {
    let ours = Expr::col("version").is_in(known());
    let rows = Query::select()
        .columns(["version", "applied_at"])
        .from(from)
        .and_where(ours.clone())
        .take();
    let mut copy = Query::insert();
    copy.into_table(to)
        .columns(["version", "applied_at"])
        .on_conflict(OnConflict::column("version").do_nothing().to_owned());
    copy.select_from(rows)
        .map_err(|error| DbErr::Custom(error.to_string()))?;
    db.execute(&copy).await?;
    let remove = Query::delete().from_table(from).and_where(ours).take();
    db.execute(&remove).await?;
    Ok(())
}

/// The names that are recorded in a table, if it exists.
async fn names(db: &impl ConnectionTrait, table: &'static str) -> Result<Vec<String>, DbErr> {
    if !can_be_read(db, table).await? {
        return Ok(Vec::new());
    }
    let names = Query::select()
        .column("version")
        .from(table)
        .order_by("version", Order::Asc)
        .take();
    let rows = db.query_all(&names).await?;
    rows.iter().map(|row| row.try_get("", "version")).collect()
}

/// A table that exists but cannot be read belongs to somebody else.
async fn can_be_read(db: &impl ConnectionTrait, table: &str) -> Result<bool, DbErr> {
    let backend = db.get_database_backend();
    let look = match backend {
        DbBackend::Postgres => {
            format!("SELECT 1 WHERE has_table_privilege(to_regclass('{table}')::oid, 'SELECT')")
        }
        _ => format!("SELECT 1 FROM sqlite_master WHERE name = '{table}'"),
    };
    let found = db.query_one_raw(Statement::from_string(backend, look));
    Ok(found.await?.is_some())
}
