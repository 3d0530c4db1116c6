use lemon_domain::values::{IdempotencyKey, ServiceType, UserId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryTrait, sea_query::SelectStatement};

use crate::entity::{attempts, uses};

pub(super) fn find_attempt(
    user: UserId,
    service: &ServiceType,
    key: &IdempotencyKey,
) -> SelectStatement {
    attempts::Entity::find()
        .filter(attempts::Column::UserId.eq(user.get()))
        .filter(attempts::Column::Service.eq(service.as_str()))
        .filter(attempts::Column::IdempotencyKey.eq(key.as_str()))
        .into_query()
}

pub(super) fn find_use(user: UserId, service: &ServiceType) -> SelectStatement {
    uses::Entity::find()
        .filter(uses::Column::UserId.eq(user.get()))
        .filter(uses::Column::Service.eq(service.as_str()))
        .into_query()
}
