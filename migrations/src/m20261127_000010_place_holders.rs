use sea_orm_migration::{prelude::*, schema::text_null};

/// The holder of a place, if it is not the user's turn alone: in budgets that services share. Programs that are older
/// than this step know no such budgets and leave it empty.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut add = Table::alter().table("places").take();
        add.add_column(text_null("holder"));
        manager.alter_table(add).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let drop = Table::alter().table("places").drop_column("holder").take();
        manager.alter_table(drop).await
    }
}
