use chrono::{DateTime, Utc};
use lemon_domain::{
    BoxError,
    ports::{NumberedRevocation, Revocation, RevokedTokens, TokenDigest},
    values::UserId,
};
use sea_orm::{QueryResult, entity::prelude::*};

use crate::row::{Row, key};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "revocations")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub token_digest: Option<Vec<u8>>,
    pub user_id: Option<i64>,
    pub revoked_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static str = "revocations";
    type Value = NumberedRevocation;

    fn key(row: &QueryResult) -> String {
        key::<i64>(row, "id")
    }

    fn value(self) -> Result<NumberedRevocation, BoxError> {
        let tokens = match (self.token_digest, self.user_id) {
            (Some(digest), None) => {
                let digest = digest.try_into();
                RevokedTokens::One(TokenDigest(digest.map_err(|_| "it is no digest")?))
            }
            (None, Some(user)) => RevokedTokens::AllOf(UserId::new(user)),
            _ => return Err("it is not about one token or one person".into()),
        };
        Ok(NumberedRevocation {
            number: self.id,
            revocation: Revocation {
                tokens,
                at: self.revoked_at,
                expires_at: self.expires_at,
            },
        })
    }
}
