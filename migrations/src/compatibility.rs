//! Which programs can use a database that has more steps than they know.
//!
//! A step that only adds leaves the table alone, so that the program before it goes on. A step that takes something
//! away, a release later, calls [`require`]: from then on, programs that do not know the given step refuse the database.

use sea_orm_migration::{
    prelude::*,
    schema::text,
    sea_orm::{ConnectionTrait, DbBackend, Statement},
};

/// The table: one row.
const TABLE: &str = "lemon_compatibility";

/// Makes the table: a program must know `step`, with which the rule begins.
pub(crate) async fn begin(manager: &SchemaManager<'_>, step: &str) -> Result<(), DbErr> {
    let table = Table::create().table(TABLE).col(text("needs")).take();
    manager.create_table(table).await?;
    let row = Query::insert()
        .into_table(TABLE)
        .columns(["needs"])
        .values_panic([step.into()])
        .take();
    manager.execute(row).await
}

/// Removes the table.
pub(crate) async fn end(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let drop = Table::drop().table(TABLE).take();
    manager.drop_table(drop).await
}

/// The step that a program must know to use the database. `None` if the database is older than this rule: then a
/// program must know every step.
///
/// # Errors
/// Those of the database.
pub async fn needed(db: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    let backend = db.get_database_backend();
    let exists = match backend {
        DbBackend::Postgres => format!("SELECT 1 WHERE to_regclass('{TABLE}') IS NOT NULL"),
        _ => format!("SELECT 1 FROM sqlite_master WHERE name = '{TABLE}'"),
    };
    let exists = Statement::from_string(backend, exists);
    if db.query_one_raw(exists).await?.is_none() {
        return Ok(None);
    }
    let needs = Query::select().column("needs").from(TABLE).take();
    let row = db.query_one(&needs).await?;
    row.map(|row| row.try_get("", "needs")).transpose()
}
