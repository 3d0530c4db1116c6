use async_trait::async_trait;
use lemon_domain::ports::{
    NumberedRevocation, REVOCATION_PORTION, Revocation, Revocations, RevokedTokens, StoreError,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::OnConflict,
};

use crate::{
    entity::revocations::{ActiveModel, Column, Entity, Model},
    row,
    store::SqlStore,
};

#[async_trait]
impl Revocations for SqlStore {
    async fn revoke(&self, revocation: &Revocation) -> Result<(), StoreError> {
        let (token, user) = match revocation.tokens {
            RevokedTokens::One(digest) => (Some(digest.0.to_vec()), None),
            RevokedTokens::AllOf(user) => (None, Some(user.get())),
        };
        let insert = Entity::insert(ActiveModel {
            id: NotSet,
            token_digest: Set(token),
            user_id: Set(user),
            revoked_at: Set(revocation.at),
            expires_at: Set(revocation.expires_at),
        });
        // The other call has revoked the same.
        let insert = insert
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .into_query();
        let replace = user.map(|user| {
            Entity::delete_many()
                .filter(Column::UserId.eq(user))
                .into_query()
        });
        self.calls
            .within_deadline(async {
                let tx = self.calls.begin().await?;
                // The new row has a new number, by which others find it.
                if let Some(replace) = &replace {
                    tx.execute(replace).await?;
                }
                tx.execute(&insert).await?;
                self.calls.commit(tx).await
            })
            .await
    }

    async fn revocations(&self, after: i64) -> Result<Vec<NumberedRevocation>, StoreError> {
        let find = Entity::find()
            .filter(Column::Id.gt(after))
            .order_by_asc(Column::Id)
            .limit(u64::from(REVOCATION_PORTION))
            .into_query();
        self.calls
            .within_deadline(row::all::<Model>(self.calls.reader(), &find))
            .await
    }
}
