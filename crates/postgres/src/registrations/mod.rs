mod delete;
mod finish;
mod group;
mod last_uses;
pub(crate) mod places;
mod request;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Deletion, FinishOutcome, NewRegistration, Publication, Registrations, RequestOutcome,
        StoreError,
    },
    values::{
        IdempotencyKey, Registered, Registration, RequestId, ServiceType, TrainingReady, Use,
        UserId,
    },
};
use sea_orm::{
    ColumnTrait, EntityTrait, Iterable, QueryFilter, QueryTrait,
    sea_query::{Query, SelectStatement},
};

pub(crate) use group::Group;
pub(crate) use last_uses::LastUses;

use crate::{
    SqlStore,
    entity::{
        attempts,
        registrations::{Column, Entity, Model},
        uses,
    },
    row,
};

#[async_trait]
impl Registrations for SqlStore {
    async fn last_use(
        &self,
        user: UserId,
        service: &ServiceType,
    ) -> Result<Option<Use>, StoreError> {
        self.within_deadline(async {
            match self.last_uses() {
                Some(last_uses) => last_uses.find(self, user, service).await,
                None => row::one::<uses::Model>(self.reader(), &find_use(user, service)).await,
            }
        })
        .await
    }

    async fn answered(
        &self,
        user: UserId,
        service: &ServiceType,
        key: &IdempotencyKey,
    ) -> Result<Option<Registered>, StoreError> {
        let find = find_attempt(user, service, key);
        self.within_deadline(async {
            let answered = row::one::<attempts::Model>(self.reader(), &find).await?;
            if answered.is_some() {
                // Whoever stored it may not have come to flush it.
                self.flush().await?;
            }
            Ok(answered)
        })
        .await
    }

    async fn request(&self, new: NewRegistration) -> Result<RequestOutcome, StoreError> {
        self.within_deadline(async {
            match self.group() {
                Some(group) => group.request(self, new).await,
                None => request::request(self, &new).await,
            }
        })
        .await
    }

    async fn finish(
        &self,
        ready: &TrainingReady,
        request_id: RequestId,
        at: DateTime<Utc>,
    ) -> Result<FinishOutcome, StoreError> {
        self.within_deadline(finish::finish(self, ready, request_id, at))
            .await
    }

    async fn delete(&self, deletion: Deletion) -> Result<bool, StoreError> {
        self.within_deadline(delete::delete(self, deletion)).await
    }

    async fn set_public(
        &self,
        publication: Publication,
    ) -> Result<Option<Registration>, StoreError> {
        let update = Query::update()
            .table(Entity)
            .value(Column::Public, publication.public)
            .and_where(Column::UserId.eq(publication.user.get()))
            .and_where(Column::Service.eq(publication.service.as_str()))
            .returning(Query::returning().columns(Column::iter()))
            .take();
        self.write(row::one::<Model>(self.writer(), &update)).await
    }

    async fn list(&self, user: UserId) -> Result<Vec<Registration>, StoreError> {
        let find = Entity::find()
            .filter(Column::UserId.eq(user.get()))
            .into_query();
        self.within_deadline(async {
            let mut list = row::each::<Model>(self.reader(), &find).await?;
            // Here, for a database has an order of its own for text.
            list.sort_unstable_by(|a, b| a.service.cmp(&b.service));
            Ok(list)
        })
        .await
    }
}

fn find_attempt(user: UserId, service: &ServiceType, key: &IdempotencyKey) -> SelectStatement {
    attempts::Entity::find()
        .filter(attempts::Column::UserId.eq(user.get()))
        .filter(attempts::Column::Service.eq(service.as_str()))
        .filter(attempts::Column::IdempotencyKey.eq(key.as_str()))
        .into_query()
}

fn find_use(user: UserId, service: &ServiceType) -> SelectStatement {
    uses::Entity::find()
        .filter(uses::Column::UserId.eq(user.get()))
        .filter(uses::Column::Service.eq(service.as_str()))
        .into_query()
}
