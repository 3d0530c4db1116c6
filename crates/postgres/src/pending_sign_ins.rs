use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{PendingSignIn, PendingSignIns, SignInClaim, StoreError},
    values::RequestToken,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, Iterable, QueryTrait,
    sea_query::{ExprTrait, OnConflict, Query},
};

use crate::{
    entity::pending_sign_ins::{ActiveModel, Column, Entity, Model},
    row,
    store::SqlStore,
};

#[async_trait]
impl PendingSignIns for SqlStore {
    async fn put(&self, pending: PendingSignIn) -> Result<(), StoreError> {
        let insert = Entity::insert(ActiveModel {
            token: Set(pending.token.as_str().to_owned()),
            secret: Set(pending.secret.data),
            secret_key_id: Set(pending.secret.key_id),
            expires_at: Set(pending.expires_at),
            claim: Set(None),
        })
        .on_conflict(
            OnConflict::column(Column::Token)
                .update_columns([
                    Column::Secret,
                    Column::SecretKeyId,
                    Column::ExpiresAt,
                    Column::Claim,
                ])
                .to_owned(),
        )
        .into_query();
        self.calls
            .write(async {
                self.calls.writer().execute(&insert).await?;
                Ok(())
            })
            .await
    }

    async fn take(
        &self,
        token: &RequestToken,
        claim: &SignInClaim,
        now: DateTime<Utc>,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        let claim = claim.as_bytes().to_vec();
        // Only one of several concurrent claims finds the row free.
        let take = Query::update()
            .table(Entity)
            .value(Column::Claim, claim.clone())
            .and_where(Column::Token.eq(token.as_str()))
            .and_where(Column::ExpiresAt.gt(now))
            .and_where(Column::Claim.is_null().or(Column::Claim.eq(claim)))
            .returning(Query::returning().columns(Column::iter()))
            .take();
        // Not flushed: if a power failure undoes it, anybody can claim it again, but Twitter accepts a verifier only
        // once.
        self.calls
            .within_deadline(async { row::one::<Model>(self.calls.writer(), &take).await })
            .await
    }

    async fn discard(&self, token: &RequestToken) -> Result<(), StoreError> {
        let remove = Query::delete()
            .from_table(Entity)
            .and_where(Column::Token.eq(token.as_str()))
            .take();
        // Not flushed either: if the row comes back, it is still claimed, and it expires.
        self.calls
            .within_deadline(async {
                self.calls.writer().execute(&remove).await?;
                Ok(())
            })
            .await
    }
}
