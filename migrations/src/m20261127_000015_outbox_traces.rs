use sea_orm_migration::{prelude::*, schema::text_null};

/// The trace context of the call that put a row. Programs that are older than this step leave it empty, and send
/// the row without it.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut add = Table::alter().table("outbox").take();
        add.add_column(text_null("trace_context"));
        manager.alter_table(add).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let drop = Table::alter()
            .table("outbox")
            .drop_column("trace_context")
            .take();
        manager.alter_table(drop).await
    }
}
