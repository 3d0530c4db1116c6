use sea_orm_migration::{prelude::*, schema::timestamp_with_time_zone_null};

/// Outbox rows that can never be sent are set aside, for those behind them. An operator who has mended one empties the
/// column. A program that is older than this step does not see it, and claims such a row again.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let add = Table::alter()
            .table("outbox")
            .add_column(timestamp_with_time_zone_null("set_aside_at"))
            .take();
        manager.alter_table(add).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let drop = Table::alter()
            .table("outbox")
            .drop_column("set_aside_at")
            .take();
        manager.alter_table(drop).await
    }
}
