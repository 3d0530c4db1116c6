use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    BoxError,
    ports::{CompletedSignIn, PendingSignIn, PendingSignIns, SignInClaim, StoreError},
    values::{Identity, RequestToken, UserId},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, Iterable, QueryFilter, QueryTrait,
    sea_query::{Expr, ExprTrait, OnConflict, Query},
};

use crate::{
    entity::{
        accounts::account_id,
        pending_sign_ins::{ActiveModel, Column, Entity, Model},
    },
    error::SqlError,
    row::{self, Row},
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
            ..unanswered()
        })
        .on_conflict(
            OnConflict::column(Column::Token)
                .update_columns([
                    Column::Secret,
                    Column::SecretKeyId,
                    Column::ExpiresAt,
                    Column::Claim,
                ])
                .action_and_where(Expr::col((Entity, Column::AnsweredUntil)).is_null())
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
            .and_where(Column::AnsweredUntil.is_null())
            .take();
        // Not flushed either: if the row comes back, it is still claimed, and it expires.
        self.calls
            .within_deadline(async {
                self.calls.writer().execute(&remove).await?;
                Ok(())
            })
            .await
    }
    async fn complete(&self, completed: CompletedSignIn) -> Result<(), StoreError> {
        let Identity { user, account } = completed.identity;
        let complete = Entity::insert(ActiveModel {
            token: Set(completed.token.as_str().to_owned()),
            secret: Set(Vec::new()),
            secret_key_id: Set(String::new()),
            expires_at: Set(completed.at),
            claim: Set(Some(completed.claim.as_bytes().to_vec())),
            user_id: Set(Some(user.get())),
            provider: Set(Some(account.provider.as_str().to_owned())),
            provider_user_id: Set(Some(account.user_id.get())),
            answered_until: Set(Some(completed.answered_until)),
        })
        .on_conflict(
            OnConflict::column(Column::Token)
                .update_columns(Column::iter().filter(|column| !matches!(column, Column::Token)))
                .to_owned(),
        )
        .into_query();
        // Not flushed: if a power failure undoes it, it is still claimed, and Twitter accepts a verifier only once.
        self.calls
            .within_deadline(async {
                self.calls.writer().execute(&complete).await?;
                Ok(())
            })
            .await
    }

    async fn completed(
        &self,
        token: &RequestToken,
        claim: &SignInClaim,
        now: DateTime<Utc>,
    ) -> Result<Option<Identity>, StoreError> {
        let find = Entity::find()
            .filter(Column::Token.eq(token.as_str()))
            .filter(Column::Claim.eq(claim.as_bytes().to_vec()))
            .filter(Column::AnsweredUntil.gt(now))
            .into_query();
        // Where it was written: the answer of a replica may be repeated at another.
        self.calls
            .within_deadline(async {
                let row = self.calls.writer().query_one(&find).await?;
                row.map(|row| {
                    let model = Model::from_query_result(&row, "")?;
                    identity(&model).map_err(|source| SqlError::Corrupt {
                        table: Model::TABLE,
                        key: Model::key(&row),
                        source,
                    })
                })
                .transpose()
            })
            .await
    }
}

/// A row that says of nobody that they signed in.
fn unanswered() -> ActiveModel {
    ActiveModel {
        token: NotSet,
        secret: NotSet,
        secret_key_id: NotSet,
        expires_at: NotSet,
        claim: NotSet,
        user_id: Set(None),
        provider: Set(None),
        provider_user_id: Set(None),
        answered_until: Set(None),
    }
}

/// Who signed in, by a row of a completed sign-in.
fn identity(model: &Model) -> Result<Identity, BoxError> {
    match (model.user_id, &model.provider, model.provider_user_id) {
        (Some(user), Some(provider), Some(number)) => Ok(Identity {
            user: UserId::new(user),
            account: account_id(provider, number)?,
        }),
        _ => Err("it was completed by nobody".into()),
    }
}
