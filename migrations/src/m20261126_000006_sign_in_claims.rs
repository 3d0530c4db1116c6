use sea_orm_migration::{prelude::*, schema::blob_null};

/// The claim that has taken a pending sign-in, so that the same caller can take it again if the answer was lost. A
/// program that does not know claims removes the rows that it takes.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let add = Table::alter()
            .table("pending_sign_ins")
            .add_column(blob_null("claim"))
            .take();
        manager.alter_table(add).await
    }

    /// Removes the rows that were taken: without the claim anybody could take them.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        db.execute_unprepared("DELETE FROM pending_sign_ins WHERE claim IS NOT NULL")
            .await?;
        let drop = Table::alter()
            .table("pending_sign_ins")
            .drop_column("claim")
            .take();
        manager.alter_table(drop).await
    }
}
