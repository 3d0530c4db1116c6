use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::ports::{REPLICA_SILENCE, Replica, ReplicaRegistry, ReplicaSighting, StoreError};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QueryTrait, prelude::Uuid, sea_query::OnConflict,
};

use crate::{
    entity::replicas::{ActiveModel, Column, Entity, Model},
    error::SqlError,
    housekeeping::clock,
    store::SqlStore,
};

#[async_trait]
impl ReplicaRegistry for SqlStore {
    async fn beat(&self, replica: &Replica) -> Result<(), StoreError> {
        self.calls
            .write(async {
                let now = clock(self.calls.reader()).await?;
                let db = self.calls.writer();
                let forget = Entity::delete_many()
                    .filter(Column::SeenAt.lt(now - REPLICA_SILENCE))
                    .into_query();
                db.execute(&forget).await?;
                let row = ActiveModel {
                    id: Set(replica.id),
                    version: Set(replica.version.clone()),
                    seen_at: Set(now),
                };
                let renew = OnConflict::column(Column::Id)
                    .update_columns([Column::Version, Column::SeenAt])
                    .to_owned();
                let beat = Entity::insert(row).on_conflict(renew).into_query();
                db.execute(&beat).await?;
                Ok(())
            })
            .await
    }

    async fn leave(&self, id: Uuid) -> Result<(), StoreError> {
        let leave = Entity::delete_many().filter(Column::Id.eq(id)).into_query();
        self.calls
            .write(async {
                self.calls.writer().execute(&leave).await?;
                Ok(())
            })
            .await
    }

    async fn replicas(&self) -> Result<Vec<ReplicaSighting>, StoreError> {
        self.calls
            .within_deadline(async {
                let db = self.calls.reader();
                let now = clock(db).await?;
                let seen = Entity::find()
                    .filter(Column::SeenAt.gte(now - REPLICA_SILENCE))
                    .order_by_desc(Column::SeenAt)
                    .into_query();
                let rows = db.query_all(&seen).await?;
                let models = rows
                    .iter()
                    .map(|row| sea_orm::FromQueryResult::from_query_result(row, ""));
                let models = models.collect::<Result<Vec<Model>, _>>()?;
                Ok::<_, SqlError>(sightings(models, now))
            })
            .await
    }
}

fn sightings(models: Vec<Model>, now: DateTime<Utc>) -> Vec<ReplicaSighting> {
    let seen = models.into_iter().map(|model| ReplicaSighting {
        ago: (now - model.seen_at).to_std().unwrap_or_default(),
        replica: Replica {
            id: model.id,
            version: model.version,
        },
    });
    seen.collect()
}
