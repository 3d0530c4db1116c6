use chrono::{DateTime, Utc};
use lemon_domain::{BoxError, values::Registered};
use sea_orm::{QueryResult, entity::prelude::*};

use crate::row::{Row, key};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "attempts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub service: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub idempotency_key: String,
    pub position: i64,
    pub quota_limit: i64,
    pub expires_at: DateTime<Utc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static str = "attempts";
    type Value = Registered;

    fn key(row: &QueryResult) -> String {
        [
            key::<i64>(row, "user_id"),
            key::<String>(row, "service"),
            key::<String>(row, "idempotency_key"),
        ]
        .join("/")
    }

    fn value(self) -> Result<Registered, BoxError> {
        Ok(Registered {
            position: self.position.try_into()?,
            limit: self.quota_limit.try_into()?,
        })
    }
}
