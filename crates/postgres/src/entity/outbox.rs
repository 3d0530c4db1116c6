use chrono::{DateTime, Utc};
use lemon_domain::{
    BoxError,
    ports::OutboxEntry,
    values::{RequestId, ServiceType, Task, TaskKind, TraceContext},
};
use sea_orm::{QueryResult, entity::prelude::*};

use super::accounts::account_id;
use crate::row::{Row, key};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub task: String,
    pub service: String,
    pub provider: String,
    pub provider_user_id: i64,
    pub request_id: Uuid,
    pub attempt: i64,
    pub due_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    /// When it was set aside: since then no claim takes it.
    pub set_aside_at: Option<DateTime<Utc>>,
    pub trace_context: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static str = "outbox";
    type Value = OutboxEntry<Task>;

    fn key(row: &QueryResult) -> String {
        key::<i64>(row, "id")
    }

    fn value(self) -> Result<OutboxEntry<Task>, BoxError> {
        Ok(OutboxEntry {
            id: self.id,
            attempt: self.attempt.try_into()?,
            content: Task {
                kind: task(&self.task)?,
                service: ServiceType::parse(&self.service)?,
                account: account_id(&self.provider, self.provider_user_id)?,
            },
            request_id: RequestId::new(self.request_id),
            created_at: self.created_at,
            // What cannot be read must not hold up the row.
            trace: self
                .trace_context
                .and_then(|text| TraceContext::from_text(&text).ok()),
        })
    }
}

pub(super) fn task(name: &str) -> Result<TaskKind, BoxError> {
    TaskKind::ALL
        .into_iter()
        .find(|task| task.as_str() == name)
        .ok_or_else(|| "the task is none of train, notify and delete".into())
}
