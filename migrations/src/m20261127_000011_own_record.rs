use sea_orm_migration::prelude::*;

/// From this step on, applied steps are recorded in `lemon_migrations`; before it, in `seaql_migrations`, which other
/// programs use too. The rows are moved before the first step and after the last: see [`take_over`](crate::take_over).
pub(crate) struct OwnRecord;

impl MigrationName for OwnRecord {
    fn name(&self) -> &'static str {
        "m20261127_000011_own_record"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for OwnRecord {
    async fn up(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}
