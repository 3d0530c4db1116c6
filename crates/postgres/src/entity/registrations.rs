use chrono::{DateTime, Utc};
use lemon_domain::{
    BoxError,
    values::{Registration, RequestId, ServiceType, TrainingState},
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
    /// A copy of the use's `cooldown_until`: the use may be purged before the registration is deleted.
    pub can_use_at: DateTime<Utc>,
    pub requested_at: DateTime<Utc>,
    /// The request that finished last; if it equals `request_id`, the current request has finished.
    pub finished_request_id: Option<Uuid>,
    pub finished_at: Option<DateTime<Utc>>,
    /// When the running training was last announced, or its deadline was restarted; `None` if no training runs.
    pub announced_at: Option<DateTime<Utc>>,
    /// How often the running training was announced.
    pub announcements: i64,
    /// The request that failed last.
    pub failed_request_id: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn state(&self) -> TrainingState {
        let current = Some(self.request_id);
        if self.finished_request_id == current {
            TrainingState::Ready
        } else if self.failed_request_id == current {
            TrainingState::Failed
        } else {
            TrainingState::Training
        }
    }
}

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
            state: self.state(),
            can_use_at: self.can_use_at,
        })
    }
}
