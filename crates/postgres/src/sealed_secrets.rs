use std::collections::BTreeMap;

use async_trait::async_trait;
use lemon_domain::ports::{
    KeyUse, ResealedSecret, SealedSecrets, SecretOwner, StoreError, StoredSecret,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
    sea_query::{LockType, Query, UpdateStatement},
};

use crate::{
    accounts::{are_among, is},
    entity::{accounts, pending_sign_ins},
    error::SqlError,
    row,
    store::SqlStore,
};

#[async_trait]
impl SealedSecrets for SqlStore {
    async fn key_uses(&self) -> Result<Vec<KeyUse>, StoreError> {
        self.calls.within_deadline(self.count_by_key()).await
    }

    async fn sealed_with(
        &self,
        key_id: &str,
        skip: u64,
        max: u64,
    ) -> Result<Vec<StoredSecret>, StoreError> {
        self.calls
            .within_deadline(self.portion(key_id, skip, max))
            .await
    }

    async fn reseal(&self, secrets: &[ResealedSecret]) -> Result<u64, StoreError> {
        if secrets.is_empty() {
            return Ok(0);
        }
        self.calls
            .within_deadline(async {
                let tx = self.calls.begin().await?;
                lock_accounts(&tx, secrets).await?;
                let mut resealed = 0;
                for secret in secrets {
                    resealed += tx.execute(&replace(secret)).await?.rows_affected();
                }
                self.calls.commit(tx).await?;
                Ok(resealed)
            })
            .await
    }
}

impl SqlStore {
    async fn count_by_key(&self) -> Result<Vec<KeyUse>, SqlError> {
        let db = self.calls.reader();
        let accounts: Vec<(String, i64)> = accounts::Entity::find()
            .select_only()
            .column(accounts::Column::CredentialsKeyId)
            .column_as(accounts::Column::Id.count(), "secrets")
            .filter(accounts::Column::CredentialsKeyId.ne(""))
            .group_by(accounts::Column::CredentialsKeyId)
            .into_tuple()
            .all(db)
            .await?;
        let sign_ins: Vec<(String, i64)> = pending_sign_ins::Entity::find()
            .select_only()
            .column(pending_sign_ins::Column::SecretKeyId)
            .column_as(pending_sign_ins::Column::Token.count(), "secrets")
            .filter(pending_sign_ins::Column::SecretKeyId.ne(""))
            .group_by(pending_sign_ins::Column::SecretKeyId)
            .into_tuple()
            .all(db)
            .await?;
        let mut uses = BTreeMap::<String, KeyUse>::new();
        for (key_id, count) in accounts {
            of_key(&mut uses, key_id).accounts = count.unsigned_abs();
        }
        for (key_id, count) in sign_ins {
            of_key(&mut uses, key_id).sign_ins = count.unsigned_abs();
        }
        Ok(uses.into_values().collect())
    }

    /// The accounts' secrets come before those of the sign-ins.
    async fn portion(
        &self,
        key_id: &str,
        skip: u64,
        max: u64,
    ) -> Result<Vec<StoredSecret>, SqlError> {
        let db = self.calls.reader();
        let accounts = accounts::Entity::find()
            .filter(accounts::Column::CredentialsKeyId.eq(key_id))
            .filter(accounts::Column::CredentialsKeyId.ne(""))
            .order_by_asc(accounts::Column::Id);
        let page = accounts.clone().offset(skip).limit(max).into_query();
        let page = row::all::<accounts::Model>(db, &page).await?;
        let mut secrets: Vec<_> = page
            .into_iter()
            .map(|account| StoredSecret {
                owner: SecretOwner::Account(account.account),
                sealed: account.credentials,
            })
            .collect();
        let left = max.saturating_sub(secrets.len() as u64);
        if left == 0 {
            return Ok(secrets);
        }
        let before = if secrets.is_empty() {
            accounts.count(db).await?
        } else {
            skip
        };
        let page = pending_sign_ins::Entity::find()
            .filter(pending_sign_ins::Column::SecretKeyId.eq(key_id))
            // A completed sign-in has no secret any more.
            .filter(pending_sign_ins::Column::SecretKeyId.ne(""))
            .order_by_asc(pending_sign_ins::Column::Token)
            .offset(skip.saturating_sub(before))
            .limit(left)
            .into_query();
        let page = row::all::<pending_sign_ins::Model>(db, &page).await?;
        secrets.extend(page.into_iter().map(|pending| StoredSecret {
            owner: SecretOwner::SignIn(pending.token),
            sealed: pending.secret,
        }));
        Ok(secrets)
    }
}

/// Locks the accounts in the order of their rows, as others do who lock several, so that none waits for the other.
async fn lock_accounts(
    tx: &impl ConnectionTrait,
    secrets: &[ResealedSecret],
) -> Result<(), SqlError> {
    let account = |secret: &ResealedSecret| match secret.stored.owner {
        SecretOwner::Account(account) => Some(account),
        SecretOwner::SignIn(_) => None,
    };
    let theirs: Vec<_> = secrets.iter().filter_map(account).collect();
    if theirs.is_empty() {
        return Ok(());
    }
    let lock = accounts::Entity::find()
        .select_only()
        .column(accounts::Column::Id)
        .filter(are_among(&theirs))
        .order_by_asc(accounts::Column::Id)
        // The lock of an update that changes no key.
        .lock(LockType::NoKeyUpdate)
        .into_query();
    tx.query_all(&lock).await?;
    Ok(())
}

fn of_key(uses: &mut BTreeMap<String, KeyUse>, key_id: String) -> &mut KeyUse {
    uses.entry(key_id.clone()).or_insert(KeyUse {
        key_id,
        accounts: 0,
        sign_ins: 0,
    })
}

/// Replaces a secret that is as it was read.
fn replace(ResealedSecret { stored, fresh }: &ResealedSecret) -> UpdateStatement {
    let (was, is_now) = (&stored.sealed, fresh);
    match &stored.owner {
        SecretOwner::Account(account) => Query::update()
            .table(accounts::Entity)
            .value(accounts::Column::Credentials, is_now.data.as_slice())
            .value(accounts::Column::CredentialsKeyId, is_now.key_id.as_str())
            .cond_where(
                Condition::all()
                    .add(is(*account))
                    .add(accounts::Column::CredentialsKeyId.eq(was.key_id.as_str()))
                    .add(accounts::Column::Credentials.eq(was.data.as_slice())),
            )
            .take(),
        SecretOwner::SignIn(token) => Query::update()
            .table(pending_sign_ins::Entity)
            .value(pending_sign_ins::Column::Secret, is_now.data.as_slice())
            .value(
                pending_sign_ins::Column::SecretKeyId,
                is_now.key_id.as_str(),
            )
            .cond_where(
                Condition::all()
                    .add(pending_sign_ins::Column::Token.eq(token.as_str()))
                    .add(pending_sign_ins::Column::SecretKeyId.eq(was.key_id.as_str()))
                    .add(pending_sign_ins::Column::Secret.eq(was.data.as_slice())),
            )
            .take(),
    }
}
