use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// The units that the recorded places of a budget take in a window. The day's budget has no row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "budget_totals")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub service: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub budget: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub window_start: DateTime<Utc>,
    pub units: i64,
    pub expires_at: DateTime<Utc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
