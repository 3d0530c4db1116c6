use chrono::{DateTime, Utc};
use lemon_domain::{
    BoxError,
    values::{BudgetKey, Holder, Place, Turn, UserId},
};
use sea_orm::{Condition, FromQueryResult, QueryResult, entity::prelude::*};

use crate::row::{Row, key};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "places")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub service: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub budget: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub window_start: DateTime<Utc>,
    #[sea_orm(primary_key, auto_increment = false)]
    pub seat: i64,
    pub user_id: i64,
    pub turn: i64,
    pub units: i64,
    pub at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// `None` if an older program stored the place.
    pub fingerprint: Option<i64>,
    /// `None` if the holder is the user's turn alone.
    pub holder: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Matches the places of a window.
pub(crate) fn of_window(key: &BudgetKey) -> Condition {
    Condition::all()
        .add(Column::Service.eq(key.scope.as_str()))
        .add(Column::Budget.eq(key.budget.as_str()))
        .add(Column::WindowStart.eq(key.window.start))
}

/// The columns from which a place is restored: only these, because a window may have a million places.
#[derive(Debug, FromQueryResult)]
pub struct PlaceRow {
    seat: i64,
    user_id: i64,
    turn: i64,
    units: i64,
    at: DateTime<Utc>,
    holder: Option<String>,
}

impl PlaceRow {
    pub(crate) const COLUMNS: [Column; 6] = [
        Column::Seat,
        Column::UserId,
        Column::Turn,
        Column::Units,
        Column::At,
        Column::Holder,
    ];
}

impl Row for PlaceRow {
    const TABLE: &'static str = "places";
    type Value = Place;

    fn key(row: &QueryResult) -> String {
        let [user, seat] = ["user_id", "seat"].map(|column| key::<i64>(row, column));
        format!("user {user}, seat {seat}")
    }

    fn value(self) -> Result<Place, BoxError> {
        let turn = Turn {
            user: UserId::new(self.user_id),
            number: self.turn.try_into()?,
        };
        let holder = self.holder.as_deref().map(Holder::parse).transpose()?;
        Ok(Place {
            holder: holder.unwrap_or_else(|| turn.holder()),
            seat: self.seat.try_into()?,
            units: self.units.try_into()?,
            at: self.at,
        })
    }
}
