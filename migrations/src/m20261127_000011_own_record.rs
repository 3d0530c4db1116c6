use sea_orm_migration::prelude::*;

/// From this step on what was applied is recorded in `lemon_migrations`, before it in `seaql_migrations`, where anybody's
/// steps are. The rows are moved before the first step and after the last: see [`take_over`](crate::take_over).
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
