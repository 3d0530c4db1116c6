use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{PendingSignIn, PendingSignIns, StoreError},
    values::RequestToken,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, Iterable, QueryTrait,
    sea_query::{OnConflict, Query},
};

use crate::{
    SqlStore,
    entity::pending_sign_ins::{ActiveModel, Column, Entity, Model},
    error::SqlError,
    row,
};

#[async_trait]
impl PendingSignIns for SqlStore {
    async fn put(&self, pending: PendingSignIn) -> Result<(), StoreError> {
        let insert = Entity::insert(ActiveModel {
            token: Set(pending.token.as_str().to_owned()),
            secret: Set(pending.secret.data),
            secret_key_id: Set(pending.secret.key_id),
            expires_at: Set(pending.expires_at),
        })
        .on_conflict(
            OnConflict::column(Column::Token)
                .update_columns([Column::Secret, Column::SecretKeyId, Column::ExpiresAt])
                .to_owned(),
        )
        .into_query();
        self.write(async {
            self.writer().execute(&insert).await?;
            Ok(())
        })
        .await
    }

    async fn take(
        &self,
        token: &RequestToken,
        now: DateTime<Utc>,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        // Of concurrent deletions one finds the row.
        let take = Query::delete()
            .from_table(Entity)
            .and_where(Column::Token.eq(token.as_str()))
            .and_where(Column::ExpiresAt.gt(now))
            .returning(Query::returning().columns(Column::iter()))
            .take();
        // Where the answer is lost before the commit, the row is still there for a repeated call.
        self.within_deadline(async {
            let tx = self.begin().await?;
            let pending = row::one::<Model>(&tx, &take).await?;
            // Not flushed: a slow disk must not burn a sign-in. Should a power failure undo it, Twitter still takes a
            // verifier once.
            tx.commit().await.map_err(SqlError::Commit)?;
            Ok(pending)
        })
        .await
    }
}
