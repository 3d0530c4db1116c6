mod delete;
mod find;
mod finish;
pub(crate) mod places;
mod request;
mod together;

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
use sea_orm::{ColumnTrait, EntityTrait, Iterable, QueryFilter, QueryTrait, sea_query::Query};

use self::find::find_attempt;
use crate::{
    accounts::refuse_forgotten,
    asked::AskedRequest,
    entity::{
        attempts,
        registrations::{Column, Entity, Model},
    },
    row,
    store::SqlStore,
};

#[async_trait]
impl Registrations for SqlStore {
    async fn last_use(
        &self,
        user: UserId,
        service: &ServiceType,
    ) -> Result<Option<Use>, StoreError> {
        self.calls
            .within_deadline(self.last_uses.find(user, service))
            .await
    }

    async fn answered(
        &self,
        user: UserId,
        service: &ServiceType,
        key: &IdempotencyKey,
    ) -> Result<Option<Registered>, StoreError> {
        let find = find_attempt(user, service, key);
        self.calls
            .within_deadline(async {
                let answered = row::one::<attempts::Model>(self.calls.reader(), &find).await?;
                if answered.is_some() {
                    // The call that stored it may have ended before its flush.
                    self.calls.flush().await?;
                }
                Ok(answered)
            })
            .await
    }

    async fn request(&self, new: NewRegistration) -> Result<RequestOutcome, StoreError> {
        let new = AskedRequest::by_this_call(new);
        self.calls
            .within_deadline(async {
                #[cfg(feature = "sqlite")]
                if let Some(group) = &self.group {
                    return group.store(&self.calls, new).await;
                }
                match &self.requests {
                    Some(batches) => together::request(&self.calls, batches, new).await,
                    None => request::request(&self.calls, &new).await,
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
        self.calls
            .within_deadline(finish::finish(&self.calls, ready, request_id, at))
            .await
    }

    async fn delete(&self, deletion: Deletion) -> Result<Option<RequestId>, StoreError> {
        self.calls
            .within_deadline(delete::delete(&self.calls, deletion))
            .await
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
        self.calls
            .write(async {
                let updated = row::one::<Model>(self.calls.writer(), &update).await?;
                if updated.is_none() {
                    refuse_forgotten(self.calls.reader(), publication.user).await?;
                }
                Ok(updated)
            })
            .await
    }

    async fn list(&self, user: UserId) -> Result<Vec<Registration>, StoreError> {
        let find = Entity::find()
            .filter(Column::UserId.eq(user.get()))
            .into_query();
        self.calls
            .within_deadline(async {
                let mut list = row::each::<Model>(self.calls.reader(), &find).await?;
                if list.is_empty() {
                    refuse_forgotten(self.calls.reader(), user).await?;
                }
                // Sorted here, because databases differ in how they order text.
                list.sort_unstable_by(|a, b| a.service.cmp(&b.service));
                Ok(list)
            })
            .await
    }
}
