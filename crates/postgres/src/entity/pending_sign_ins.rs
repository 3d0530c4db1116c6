use chrono::{DateTime, Utc};
use lemon_domain::{BoxError, ports::PendingSignIn, sealing::Sealed, values::RequestToken};
use sea_orm::{QueryResult, entity::prelude::*};

use crate::row::{Row, key};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "pending_sign_ins")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub token: String,
    pub secret: Vec<u8>,
    pub secret_key_id: String,
    pub expires_at: DateTime<Utc>,
    /// The claim that has taken it.
    pub claim: Option<Vec<u8>>,
    /// Who signed in; none while it is pending. Then it has expired for who would take it.
    pub user_id: Option<i64>,
    pub provider: Option<String>,
    pub provider_user_id: Option<i64>,
    /// Until when the claim is told who signed in.
    pub answered_until: Option<DateTime<Utc>>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static str = "pending_sign_ins";
    type Value = PendingSignIn;

    /// The start of the token: enough to find the row, too little to use it. Keys are logged, tokens never are.
    fn key(row: &QueryResult) -> String {
        let token = key::<String>(row, "token");
        token.chars().take(6).chain(['…']).collect()
    }

    fn value(self) -> Result<PendingSignIn, BoxError> {
        Ok(PendingSignIn {
            token: RequestToken::parse(self.token)?,
            secret: Sealed {
                key_id: self.secret_key_id,
                data: self.secret,
            },
            expires_at: self.expires_at,
        })
    }
}
