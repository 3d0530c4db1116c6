use std::collections::BTreeMap;

use async_trait::async_trait;
use lemon_domain::{
    ports::{Accounts, SignIn, StoreError, StoredAccount},
    values::{AccountId, UserId},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
    sea_query::{Expr, OnConflict, Query},
};

use crate::{
    entity::{
        accounts::{self, Column, Entity, Model},
        users,
    },
    error::SqlError,
    row,
    store::SqlStore,
};

#[async_trait]
impl Accounts for SqlStore {
    async fn sign_in(&self, sign_in: SignIn) -> Result<UserId, StoreError> {
        self.calls
            .within_deadline(async {
                loop {
                    if let Some(user) = self.refresh(&sign_in).await? {
                        return Ok(user);
                    }
                    if let Some(user) = self.sign_up(&sign_in).await? {
                        return Ok(user);
                    }
                    // Another call signed the same account up in between: now it can be refreshed.
                }
            })
            .await
    }

    async fn account(&self, account: AccountId) -> Result<Option<StoredAccount>, StoreError> {
        let find = Entity::find()
            .filter(is(account))
            .filter(is_sealed())
            .into_query();
        self.calls
            .within_deadline(row::one::<Model>(self.calls.reader(), &find))
            .await
    }

    async fn accounts(&self, accounts: &[AccountId]) -> Result<Vec<StoredAccount>, StoreError> {
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        let find = Entity::find()
            .filter(are_among(accounts))
            .filter(is_sealed())
            .into_query();
        self.calls
            .within_deadline(row::all::<Model>(self.calls.reader(), &find))
            .await
    }

    async fn sealing_key_ids(&self) -> Result<Vec<String>, StoreError> {
        self.calls
            .within_deadline(async {
                let db = self.calls.reader();
                let mut ids = Vec::<String>::new();
                // From one id to the next in the index: a `DISTINCT` would read all of it.
                loop {
                    let after = ids.last().map_or("", String::as_str);
                    let next = Entity::find()
                        .select_only()
                        .column(Column::CredentialsKeyId)
                        .filter(Column::CredentialsKeyId.gt(after))
                        .order_by_asc(Column::CredentialsKeyId)
                        .limit(1)
                        .into_query();
                    match db.query_one(&next).await? {
                        Some(row) => ids.push(row.try_get("", "credentials_key_id")?),
                        None => return Ok(ids),
                    }
                }
            })
            .await
    }
}

impl SqlStore {
    /// Replaces the credentials of an existing account.
    async fn refresh(&self, sign_in: &SignIn) -> Result<Option<UserId>, SqlError> {
        let update = Query::update()
            .table(Entity)
            .values([
                (
                    Column::Credentials,
                    sign_in.credentials.data.as_slice().into(),
                ),
                (
                    Column::CredentialsKeyId,
                    sign_in.credentials.key_id.as_str().into(),
                ),
                (Column::RefreshedAt, sign_in.at.into()),
            ])
            .cond_where(is(sign_in.account))
            .returning_col(Column::UserId)
            .take();
        let Some(row) = self.calls.writer().query_one(&update).await? else {
            return Ok(None);
        };
        self.calls.flush().await?;
        Ok(Some(UserId::new(row.try_get("", "user_id")?)))
    }

    /// Creates a person and their account, or neither if the account exists by now.
    async fn sign_up(&self, sign_in: &SignIn) -> Result<Option<UserId>, SqlError> {
        let tx = self.calls.begin().await?;
        let user = users::Entity::insert(users::ActiveModel {
            id: NotSet,
            created_at: Set(sign_in.at),
        })
        .exec(&tx)
        .await?
        .last_insert_id;
        let inserted = Entity::insert(accounts::ActiveModel {
            id: NotSet,
            user_id: Set(user),
            provider: Set(sign_in.account.provider.as_str().to_owned()),
            provider_user_id: Set(sign_in.account.user_id.get()),
            credentials: Set(sign_in.credentials.data.clone()),
            credentials_key_id: Set(sign_in.credentials.key_id.clone()),
            created_at: Set(sign_in.at),
            refreshed_at: Set(sign_in.at),
        })
        .on_conflict(
            OnConflict::columns([Column::Provider, Column::ProviderUserId])
                .do_nothing()
                .to_owned(),
        )
        .into_query();
        if tx.execute(&inserted).await?.rows_affected() == 0 {
            tx.rollback().await?;
            return Ok(None);
        }
        self.calls.commit(tx).await?;
        Ok(Some(UserId::new(user)))
    }
}

/// Matches the rows with credentials: those of a person who was forgotten are erased.
fn is_sealed() -> Expr {
    Column::CredentialsKeyId.ne("")
}

/// Matches the rows of these accounts.
pub(crate) fn are_among(accounts: &[AccountId]) -> Condition {
    let mut by_provider = BTreeMap::<_, Vec<_>>::new();
    for account in accounts {
        by_provider
            .entry(account.provider.as_str())
            .or_default()
            .push(account.user_id.get());
    }
    let of_providers = by_provider.into_iter().map(|(provider, numbers)| {
        Condition::all()
            .add(Column::Provider.eq(provider))
            .add(Column::ProviderUserId.is_in(numbers))
    });
    of_providers.fold(Condition::any(), Condition::add)
}

/// Matches the row of that account.
pub(crate) fn is(account: AccountId) -> Condition {
    Condition::all()
        .add(Column::Provider.eq(account.provider.as_str()))
        .add(Column::ProviderUserId.eq(account.user_id.get()))
}

/// Fails for a person whose accounts have no credentials: they were forgotten, and have not signed in since. A person who
/// is not in the store at all has nothing that could be shown, and does not fail here.
pub(crate) async fn refuse_forgotten(
    db: &impl ConnectionTrait,
    user: UserId,
) -> Result<(), SqlError> {
    let keys: Vec<String> = Entity::find()
        .select_only()
        .column(Column::CredentialsKeyId)
        .filter(Column::UserId.eq(user.get()))
        .into_tuple()
        .all(db)
        .await?;
    if !keys.is_empty() && keys.iter().all(String::is_empty) {
        return Err(SqlError::UnknownPerson);
    }
    Ok(())
}
