//! The record of places, and the totals of their units.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{NewRegistration, ReservedPlace, SeatTaken},
    values::{BudgetKey, ServiceType, Turn, fingerprint},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, ExprTrait, QueryFilter,
    QueryTrait,
    sea_query::{
        CaseStatement, CommonTableExpression, Expr, InsertStatement, OnConflict, Query, UnionType,
        WithClause, WithQuery,
    },
};

use crate::{
    entity::{
        budget_totals,
        places::{self, of_window},
    },
    error::SqlError,
};

/// Records the places, and adds their units to the totals; answers the first place that cannot be recorded. The
/// transaction must then be rolled back.
///
/// In the day's budget, distinct seats within the limit are units within the limit. For every further budget the sum is
/// bounded here: seats alone would bound it only if every use took the same number of units. Rows are locked in the
/// order of budgets, places before totals, so that two requests cannot deadlock.
pub(super) async fn record(
    db: &impl ConnectionTrait,
    new: &NewRegistration,
) -> Result<Option<SeatTaken>, SqlError> {
    let mut sorted: Vec<&ReservedPlace> = new.places.iter().collect();
    sorted.sort_unstable_by(|a, b| a.key.budget.cmp(&b.key.budget));
    if let Some(place) = sorted.iter().find(|place| !place.can_fit()) {
        return Ok(Some(refused(place)));
    }
    let further: Vec<&ReservedPlace> = sorted
        .iter()
        .copied()
        .filter(|place| !place.is_of_the_day())
        .collect();
    let recording = insert_places(new, &sorted);
    let (recorded, counted) = if further.is_empty() {
        (budgets(db, &recording).await?, HashSet::new())
    } else if db.get_database_backend() == DbBackend::Sqlite {
        let recorded = budgets(db, &recording).await?;
        (recorded, budgets(db, &add_units(&further)).await?)
    } else {
        at_once(db, recording, add_units(&further)).await?
    };
    let is_stored = |place: &ReservedPlace| {
        let budget = place.key.budget.as_str();
        recorded.contains(budget) && (place.is_of_the_day() || counted.contains(budget))
    };
    Ok(new
        .places
        .iter()
        .find(|place| !is_stored(place))
        .map(refused))
}

fn refused(place: &ReservedPlace) -> SeatTaken {
    SeatTaken {
        budget: place.key.budget.clone(),
        seat: place.seat,
    }
}

/// The holder of the request's places, if it is not the turn alone.
pub(crate) fn other_holder(new: &NewRegistration) -> Option<String> {
    let turn = Turn {
        user: new.identity.user,
        number: new.turn,
    };
    let holder = new.holder();
    (holder != turn.holder()).then(|| holder.as_str().to_owned())
}

/// The fingerprint of a place of the request, as a number of the database: it is below 2^48.
pub(crate) fn fingerprint_of(new: &NewRegistration, place: &ReservedPlace) -> i64 {
    fingerprint(&new.holder(), place.seat, place.units).cast_signed()
}

fn insert_places(new: &NewRegistration, sorted: &[&ReservedPlace]) -> InsertStatement {
    let holder = other_holder(new);
    let row = |place: &&ReservedPlace| places::ActiveModel {
        service: Set(place.key.scope.as_str().to_owned()),
        budget: Set(place.key.budget.as_str().to_owned()),
        window_start: Set(place.key.window.start),
        seat: Set(place.seat.into()),
        user_id: Set(new.identity.user.get()),
        turn: Set(new.turn.into()),
        units: Set(place.units.into()),
        at: Set(new.at),
        expires_at: Set(Ord::max(new.cooldown_until, place.key.window.end)),
        fingerprint: Set(Some(fingerprint_of(new, place))),
        holder: Set(holder.clone()),
    };
    // A conflict is ignored: an error would end the transaction on PostgreSQL, and not say which place caused it.
    let mut insert = places::Entity::insert_many(sorted.iter().map(row))
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .into_query();
    insert.returning(Query::returning().column(places::Column::Budget));
    insert
}

/// Adds the units to the total of each budget, if they fit. The first units of a total always fit.
fn add_units(further: &[&ReservedPlace]) -> InsertStatement {
    use budget_totals::{ActiveModel, Column, Entity};
    let row = |place: &&ReservedPlace| ActiveModel {
        service: Set(place.key.scope.as_str().to_owned()),
        budget: Set(place.key.budget.as_str().to_owned()),
        window_start: Set(place.key.window.start),
        units: Set(place.units.into()),
        expires_at: Set(place.key.window.end),
    };
    let excluded = |column: Column| Expr::col(("excluded", column));
    let sum = || Expr::col((Entity, Column::Units)).add(excluded(Column::Units));
    let limit = further.iter().fold(CaseStatement::new(), |limit, place| {
        let is_its = excluded(Column::Budget).eq(place.key.budget.as_str());
        limit.case(is_its, i64::from(place.limit))
    });
    let mut insert = Entity::insert_many(further.iter().map(row))
        .on_conflict(
            OnConflict::columns([Column::Service, Column::Budget, Column::WindowStart])
                .value(Column::Units, sum())
                .action_and_where(sum().lte(limit))
                .to_owned(),
        )
        .into_query();
    insert.returning(Query::returning().column(Column::Budget));
    insert
}

/// The budgets that a statement returns.
async fn budgets(
    db: &impl ConnectionTrait,
    statement: &InsertStatement,
) -> Result<HashSet<String>, SqlError> {
    let rows = db.query_all(statement).await?;
    let budgets = rows.iter().map(|row| row.try_get("", "budget"));
    Ok(budgets.collect::<Result<_, _>>()?)
}

/// Executes both in one statement: a further budget costs no round trip.
async fn at_once(
    db: &impl ConnectionTrait,
    recording: InsertStatement,
    counting: InsertStatement,
) -> Result<(HashSet<String>, HashSet<String>), SqlError> {
    let mut outcome = (HashSet::new(), HashSet::new());
    for row in db.query_all(&both(recording, counting)).await? {
        let budget = row.try_get("", "budget")?;
        if row.try_get("", "is_place")? {
            outcome.0.insert(budget);
        } else {
            outcome.1.insert(budget);
        }
    }
    Ok(outcome)
}

fn both(recording: InsertStatement, counting: InsertStatement) -> WithQuery {
    let answer = |from: &'static str, is_place: bool| {
        Query::select()
            .column("budget")
            .expr_as(Expr::val(is_place), "is_place")
            .from(from)
            .take()
    };
    let named = |name: &'static str, insert: InsertStatement| {
        CommonTableExpression::new()
            .table_name(name)
            .query(insert)
            .to_owned()
    };
    let answers = answer("recorded", true)
        .union(UnionType::All, answer("counted", false))
        .take();
    WithClause::new()
        .cte(named("recorded", recording))
        .cte(named("counted", counting))
        .to_owned()
        .query(answers)
}

/// Removes the places of the use in these windows from the record, with their units.
pub(crate) async fn give_back(
    db: &impl ConnectionTrait,
    service: &ServiceType,
    turn: Turn,
    running: &[BudgetKey],
) -> Result<(), SqlError> {
    use places::{Column, Entity};
    let windows = running.iter().map(of_window);
    let windows = windows.fold(Condition::any(), Condition::add);
    let holder = turn.holder_of(service);
    let mut remove = Entity::delete_many()
        .filter(Column::UserId.eq(turn.user.get()))
        .filter(Column::Turn.eq(i64::from(turn.number)))
        // In a shared budget, the holder of each place names its service.
        .filter(
            Column::Holder
                .is_null()
                .or(Column::Holder.eq(holder.as_str())),
        )
        .filter(windows)
        .into_query();
    remove.returning(Query::returning().columns([
        Column::Budget,
        Column::Service,
        Column::WindowStart,
        Column::Units,
    ]));
    let mut removed = Vec::new();
    for row in db.query_all(&remove).await? {
        removed.push((
            row.try_get::<String>("", "budget")?,
            row.try_get::<String>("", "service")?,
            row.try_get::<DateTime<Utc>>("", "window_start")?,
            row.try_get::<i64>("", "units")?,
        ));
    }
    // In the order in which a request locks them.
    removed.sort_unstable();
    for (budget, scope, window_start, units) in removed {
        subtract(db, &scope, &budget, window_start, units).await?;
    }
    Ok(())
}

/// Subtracts units from a total, if there is one: the day's budget has none.
async fn subtract(
    db: &impl ConnectionTrait,
    scope: &str,
    budget: &str,
    window_start: DateTime<Utc>,
    units: i64,
) -> Result<(), SqlError> {
    use budget_totals::{Column, Entity};
    let left = Expr::col(Column::Units).sub(units);
    // A program of an earlier version that runs at the same time adds nothing to the totals.
    let at_least_none = CaseStatement::new()
        .case(Expr::col(Column::Units).lt(units), 0)
        .finally(left);
    Entity::update_many()
        .col_expr(Column::Units, at_least_none.into())
        .filter(Column::Service.eq(scope))
        .filter(Column::Budget.eq(budget))
        .filter(Column::WindowStart.eq(window_start))
        .exec(db)
        .await?;
    Ok(())
}
