mod forget;
mod record;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{Forgotten, People, PersonRecord, StoreError},
    values::AccountId,
};

use crate::store::SqlStore;

#[async_trait]
impl People for SqlStore {
    async fn person(&self, account: AccountId) -> Result<Option<PersonRecord>, StoreError> {
        self.calls
            .within_deadline(record::person(self.calls.reader(), account))
            .await
    }

    async fn forget(
        &self,
        account: AccountId,
        at: DateTime<Utc>,
    ) -> Result<Option<Forgotten>, StoreError> {
        self.calls
            .within_deadline(forget::forget(&self.calls, account, at))
            .await
    }
}
