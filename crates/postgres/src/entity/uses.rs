use chrono::{DateTime, Utc};
use lemon_domain::{BoxError, values::Use};
use sea_orm::{QueryResult, entity::prelude::*};

use crate::row::{Row, key};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "uses")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub service: String,
    pub turn: i64,
    pub window_start: DateTime<Utc>,
    pub cooldown_until: DateTime<Utc>,
    /// [`NEVER`] if the person has an imported use.
    pub expires_at: DateTime<Utc>,
    /// The request of the use; `None` if an earlier version stored the use.
    pub request_id: Option<Uuid>,
}

/// The time at which an imported use expires: a repeated import must find it.
pub const NEVER: DateTime<Utc> = match DateTime::from_timestamp(253_402_214_400, 0) {
    Some(time) => time,
    None => DateTime::<Utc>::MAX_UTC,
};

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static str = "uses";
    type Value = Use;

    fn key(row: &QueryResult) -> String {
        [key::<i64>(row, "user_id"), key::<String>(row, "service")].join("/")
    }

    fn value(self) -> Result<Use, BoxError> {
        Ok(Use {
            turn: self.turn.try_into()?,
            window_start: self.window_start,
            cooldown_until: self.cooldown_until,
        })
    }
}
