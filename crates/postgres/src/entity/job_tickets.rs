use chrono::{DateTime, Utc};
use lemon_domain::{
    BoxError,
    values::{AccountId, ServiceType, TaskKind},
};
use sea_orm::{QueryResult, entity::prelude::*};

use super::{accounts::account_id, outbox::task};
use crate::row::Row;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "job_tickets")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub digest: Vec<u8>,
    pub task: String,
    pub service: String,
    pub provider: String,
    pub provider_user_id: i64,
    pub request_id: Uuid,
    pub issued_at: DateTime<Utc>,
    pub redeemable_until: DateTime<Utc>,
    pub redemptions: i64,
    pub voided_at: Option<DateTime<Utc>>,
    /// When its task was put in the outbox again.
    pub renewed_at: Option<DateTime<Utc>>,
    pub expires_at: DateTime<Utc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A ticket that was issued, as its row has it.
pub struct IssuedTicket {
    pub kind: TaskKind,
    pub service: ServiceType,
    pub account: AccountId,
    pub request_id: Uuid,
    pub redeemable_until: DateTime<Utc>,
    pub redemptions: i64,
    pub is_void: bool,
    pub is_renewed: bool,
}

impl Row for Model {
    const TABLE: &'static str = "job_tickets";
    type Value = IssuedTicket;

    /// Not the digest, which names a ticket that is good.
    fn key(row: &QueryResult) -> String {
        crate::row::key::<Uuid>(row, "request_id")
    }

    fn value(self) -> Result<IssuedTicket, BoxError> {
        Ok(IssuedTicket {
            kind: task(&self.task)?,
            service: ServiceType::parse(&self.service)?,
            account: account_id(&self.provider, self.provider_user_id)?,
            request_id: self.request_id,
            redeemable_until: self.redeemable_until,
            redemptions: self.redemptions,
            is_void: self.voided_at.is_some(),
            is_renewed: self.renewed_at.is_some(),
        })
    }
}
