//! The totals of the units that the recorded places of each further budget take.

use lemon_domain::values::BudgetKey;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter,
    QuerySelect, QueryTrait, Statement,
    sea_query::{Expr, ExprTrait, OnConflict, Query, SelectStatement},
};
use tokio::sync::Mutex;
use tracing::warn;

use crate::{
    calls::Calls,
    entity::{
        budget_totals::{ActiveModel, Column, Entity},
        places::{self, of_window},
    },
    error::SqlError,
};

fn is(key: &BudgetKey) -> Condition {
    Condition::all()
        .add(Column::Service.eq(key.scope.as_str()))
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

/// Sets the total to the sum of the places' units; tells whether it was different. Also `false` if another replica is
/// correcting it at the moment.
///
/// No lock is held while the units are summed. One statement sees the total and the places as of one moment, and
/// requests change both in one transaction: so the difference is the error, whatever is stored meanwhile. The
/// difference must be applied only once, so corrections of a total run one after the other.
pub(crate) async fn correct(
    calls: &Calls,
    correcting: &Mutex<()>,
    key: &BudgetKey,
) -> Result<bool, SqlError> {
    let _turn = correcting.lock().await;
    let wrong = if calls.reader().get_database_backend() == DbBackend::Sqlite {
        // Only this process uses the file.
        let wrong = compare(calls.reader(), key).await?;
        if let Some(wrong) = &wrong {
            wrong.correct(calls.writer(), key).await?;
            calls.flush().await?;
        }
        wrong
    } else {
        let tx = calls.begin().await?;
        let wrong = if lock(&tx, key).await? {
            compare(&tx, key).await?
        } else {
            None
        };
        if let Some(wrong) = &wrong {
            wrong.correct(&tx, key).await?;
        }
        calls.commit(tx).await?;
        wrong
    };
    if let Some(Wrong { total, recorded }) = wrong {
        warn!(
            service = %key.scope,
            budget = %key.budget,
            total,
            recorded,
            "the total of a budget's units was wrong and was corrected"
        );
    }
    Ok(wrong.is_some())
}

/// Keeps other replicas from correcting the same total until the end of the transaction. `false` if one is doing so.
async fn lock(tx: &impl ConnectionTrait, key: &BudgetKey) -> Result<bool, SqlError> {
    let name = format!("{}/{}/{}", key.scope, key.budget, key.window.start);
    let lock = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS locked",
        [name.into()],
    );
    let row = tx.query_one_raw(lock).await?;
    let locked = row.map(|row| row.try_get("", "locked")).transpose()?;
    Ok(locked.unwrap_or(false))
}

/// A total, and the sum of the places' units.
#[derive(Debug, Clone, Copy)]
struct Wrong {
    total: i64,
    recorded: i64,
}

/// The difference at one moment, if there is one.
async fn compare(db: &impl ConnectionTrait, key: &BudgetKey) -> Result<Option<Wrong>, SqlError> {
    let both = Query::select()
        .expr_as(scalar(units_of(key)), "total")
        .expr_as(scalar(sum(key)), "recorded")
        .take();
    let row = db.query_one(&both).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("the sums".to_owned()))?;
    let units = |column| row.try_get::<Option<i64>>("", column);
    let wrong = Wrong {
        total: units("total")?.unwrap_or_default(),
        recorded: units("recorded")?.unwrap_or_default(),
    };
    Ok((wrong.total != wrong.recorded).then_some(wrong))
}

impl Wrong {
    /// Adds the missing units, or removes the excess.
    async fn correct(self, db: &impl ConnectionTrait, key: &BudgetKey) -> Result<(), SqlError> {
        let lacking = self.recorded - self.total;
        let corrected = Expr::col((Entity, Column::Units)).add(lacking);
        if lacking > 0 {
            // The row may not exist yet.
            let add = Entity::insert(ActiveModel {
                service: Set(key.scope.as_str().to_owned()),
                budget: Set(key.budget.as_str().to_owned()),
                window_start: Set(key.window.start),
                units: Set(lacking),
                expires_at: Set(key.window.end),
            })
            .on_conflict(
                OnConflict::columns([Column::Service, Column::Budget, Column::WindowStart])
                    .value(Column::Units, corrected)
                    .to_owned(),
            );
            db.execute(&add.into_query()).await?;
        } else {
            let take_off = Entity::update_many()
                .col_expr(Column::Units, corrected)
                .filter(is(key))
                // Places may have been given back meanwhile: then the next run compares again.
                .filter(Column::Units.gte(-lacking));
            take_off.exec(db).await?;
        }
        Ok(())
    }
}

fn scalar(select: SelectStatement) -> Expr {
    Expr::SubQuery(None, Box::new(select.into()))
}

/// The sum of the units that the places take.
fn sum(key: &BudgetKey) -> SelectStatement {
    places::Entity::find()
        .select_only()
        // PostgreSQL would return a `numeric`.
        .column_as(
            Expr::col(places::Column::Units).sum().cast_as("bigint"),
            "units",
        )
        .filter(of_window(key))
        .into_query()
}
