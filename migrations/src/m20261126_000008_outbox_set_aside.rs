use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, timestamp_with_time_zone_null},
};

/// Outbox rows that can never be sent are set aside, so that the rows behind them are sent. An operator who has
/// repaired such a row empties the column, if the row may still be sent: later rows of the same person have been sent
/// before it. A program that is older than this step ignores the column, and claims such a row again.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [
            timestamp_with_time_zone_null("set_aside_at"),
            // The number of claims that could not read the row.
            big_integer("failed_reads").default(0).take(),
        ] {
            let add = Table::alter().table("outbox").add_column(column).take();
            manager.alter_table(add).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["set_aside_at", "failed_reads"] {
            let drop = Table::alter().table("outbox").drop_column(column).take();
            manager.alter_table(drop).await?;
        }
        Ok(())
    }
}
