use sea_orm_migration::{
    prelude::*,
    schema::{big_integer_null, big_pk_auto, blob_null, timestamp_with_time_zone},
};

/// Tokens that are not accepted although they have not expired: one by its digest, or all of a person. Rows are numbered,
/// so that each replica reads only those that it does not know.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLE: &str = "revocations";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(TABLE)
            .col(big_pk_auto("id"))
            .col(blob_null("token_digest").unique_key().take())
            .col(big_integer_null("user_id").unique_key().take())
            .col(timestamp_with_time_zone("revoked_at"))
            .col(timestamp_with_time_zone("expires_at"))
            .take();
        manager.create_table(table).await?;
        let index = Index::create()
            .name("revocations_expires_at")
            .table(TABLE)
            .col("expires_at")
            .take();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).take()).await
    }
}
