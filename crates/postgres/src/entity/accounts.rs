use chrono::{DateTime, Utc};
use lemon_domain::{
    BoxError,
    ports::StoredAccount,
    sealing::Sealed,
    values::{AccountId, Provider, ProviderUserId, UserId},
};
use sea_orm::{QueryResult, entity::prelude::*};

use crate::row::{Row, key};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "accounts")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub user_id: i64,
    pub provider: String,
    pub provider_user_id: i64,
    pub credentials: Vec<u8>,
    pub credentials_key_id: String,
    pub created_at: DateTime<Utc>,
    pub refreshed_at: DateTime<Utc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static str = "accounts";
    type Value = StoredAccount;

    fn key(row: &QueryResult) -> String {
        key::<i64>(row, "id")
    }

    fn value(self) -> Result<StoredAccount, BoxError> {
        Ok(StoredAccount {
            user: UserId::new(self.user_id),
            account: account_id(&self.provider, self.provider_user_id)?,
            credentials: Sealed {
                key_id: self.credentials_key_id,
                data: self.credentials,
            },
        })
    }
}

/// The id of an account, also from the columns of other tables.
pub fn account_id(provider: &str, user_id: i64) -> Result<AccountId, BoxError> {
    Ok(AccountId {
        provider: Provider::parse(provider)?,
        user_id: ProviderUserId::try_from(user_id)?,
    })
}
