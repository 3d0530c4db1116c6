use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::ports::{Housekeeping, Purged, StoreError};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::{
    SqlStore,
    entity::{attempts, pending_sign_ins, places, uses},
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
            let attempts = attempts::Entity::delete_many()
                .filter(attempts::Column::ExpiresAt.lte(now))
                .exec(&tx)
                .await?;
            self.commit(tx).await?;
            Ok(Purged {
                pending_sign_ins: pending_sign_ins.rows_affected,
                uses: uses.rows_affected,
                places: places.rows_affected,
                attempts: attempts.rows_affected,
            })
        })
        .await
    }
}
