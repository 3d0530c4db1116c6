use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::ports::{Housekeeping, Purged, StoreError};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::{
    SqlStore,
    entity::{pending_sign_ins, places, uses},
    error::SqlError,
};

#[async_trait]
impl Housekeeping for SqlStore {
    async fn purge(&self, now: DateTime<Utc>) -> Result<Purged, StoreError> {
        self.within_deadline(async {
            let tx = self.begin().await?;
            let pending_sign_ins = pending_sign_ins::Entity::delete_many()
                .filter(pending_sign_ins::Column::ExpiresAt.lte(now))
                .exec(&tx)
                .await?;
            let uses = uses::Entity::delete_many()
                .filter(uses::Column::ExpiresAt.lte(now))
                .exec(&tx)
                .await?;
            let places = places::Entity::delete_many()
                .filter(places::Column::ExpiresAt.lte(now))
                .exec(&tx)
                .await?;
            tx.commit().await.map_err(SqlError::Commit)?;
            Ok(Purged {
                pending_sign_ins: pending_sign_ins.rows_affected,
                uses: uses.rows_affected,
                places: places.rows_affected,
            })
        })
        .await
    }
}
