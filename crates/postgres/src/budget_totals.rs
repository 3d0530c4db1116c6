//! The totals of the units that the recorded places of each further budget take.

use lemon_domain::values::BudgetKey;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, OnConflict, SelectStatement},
};
use tracing::warn;

use crate::{
    SqlStore,
    entity::{
        budget_totals::{ActiveModel, Column, Entity},
        places,
    },
    error::SqlError,
    place_record::of_window,
};

fn is(key: &BudgetKey) -> Condition {
    Condition::all()
        .add(Column::Service.eq(key.service.as_str()))
        .add(Column::Budget.eq(key.budget.as_str()))
        .add(Column::WindowStart.eq(key.window.start))
}

fn units_of(key: &BudgetKey) -> SelectStatement {
    Entity::find()
        .select_only()
        .column(Column::Units)
        .filter(is(key))
        .into_query()
}

/// The total, if there is one.
pub(crate) async fn find(
    db: &impl ConnectionTrait,
    key: &BudgetKey,
) -> Result<Option<i64>, SqlError> {
    let row = db.query_one(&units_of(key)).await?;
    Ok(row.map(|row| row.try_get("", "units")).transpose()?)
}

/// Sets the total to what the places take; tells whether it was something else.
///
/// Requests store their places and add to the total in one statement, which waits for the total's row as long as it is
/// locked here: what was stored before is seen by the sum, which is read by a statement of its own, and what waits is added
/// to the sum afterwards.
pub(crate) async fn correct(store: &SqlStore, key: &BudgetKey) -> Result<bool, SqlError> {
    let tx = store.begin().await?;
    let none_yet = Entity::insert(ActiveModel {
        service: Set(key.service.as_str().to_owned()),
        budget: Set(key.budget.as_str().to_owned()),
        window_start: Set(key.window.start),
        units: Set(0),
        expires_at: Set(key.window.end),
    })
    .on_conflict(OnConflict::new().do_nothing().to_owned());
    tx.execute(&none_yet.into_query()).await?;
    let mut locking = units_of(key);
    let locked = tx.query_one(locking.lock_exclusive()).await?;
    let total: Option<i64> = locked.map(|row| row.try_get("", "units")).transpose()?;
    let recorded = sum(&tx, key).await?;
    if total == Some(recorded) {
        tx.rollback().await?;
        return Ok(false);
    }
    Entity::update_many()
        .col_expr(Column::Units, Expr::value(recorded))
        .filter(is(key))
        .exec(&tx)
        .await?;
    store.commit(tx).await?;
    warn!(
        service = %key.service,
        budget = %key.budget,
        total,
        recorded,
        "the total of a budget's units was wrong and is corrected"
    );
    Ok(true)
}

/// How many units the places take.
async fn sum(db: &impl ConnectionTrait, key: &BudgetKey) -> Result<i64, SqlError> {
    let sum = places::Entity::find()
        .select_only()
        // PostgreSQL would make it a number of another type.
        .column_as(
            Expr::col(places::Column::Units).sum().cast_as("bigint"),
            "units",
        )
        .filter(of_window(key))
        .into_query();
    let row = db.query_one(&sum).await?;
    let sum: Option<Option<i64>> = row.map(|row| row.try_get("", "units")).transpose()?;
    Ok(sum.flatten().unwrap_or_default())
}
