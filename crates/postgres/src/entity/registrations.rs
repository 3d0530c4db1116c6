use chrono::{DateTime, Utc};
use lemon_domain::{
    BoxError,
    values::{Registration, RequestId, ServiceType},
};
use sea_orm::{QueryResult, entity::prelude::*};

use crate::row::{Row, key};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "registrations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub service: String,
    pub account_id: i64,
    pub request_id: Uuid,
    pub public: bool,
    pub ready: bool,
    /// A copy of the use's, which may be gone before the registration is.
    pub can_use_at: DateTime<Utc>,
    pub requested_at: DateTime<Utc>,
    /// Which request finished last; the current one has if they are equal.
    pub finished_request_id: Option<Uuid>,
    pub finished_at: Option<DateTime<Utc>>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static str = "registrations";
    type Value = Registration;

    fn key(row: &QueryResult) -> String {
        [key::<i64>(row, "user_id"), key::<String>(row, "service")].join("/")
    }

    fn value(self) -> Result<Registration, BoxError> {
        Ok(Registration {
            service: ServiceType::parse(&self.service)?,
            request_id: RequestId::new(self.request_id),
            public: self.public,
            ready: self.ready,
            can_use_at: self.can_use_at,
        })
    }
}
