use sea_orm_migration::{prelude::*, schema::big_integer_null};

/// A number with which the places of a segment are compared with a counter's without reading each. Programs that are
/// older than this step leave it empty.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut add = Table::alter().table("places").take();
        add.add_column(big_integer_null("fingerprint"));
        manager.alter_table(add).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let drop = Table::alter()
            .table("places")
            .drop_column("fingerprint")
            .take();
        manager.alter_table(drop).await
    }
}
