use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, blob, text, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid,
    },
};

/// The tickets that jobs carry instead of credentials, by their digests.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLE: &str = "job_tickets";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(TABLE)
            .col(blob("digest").primary_key().take())
            .col(text("task"))
            .col(text("service"))
            .col(text("provider"))
            .col(big_integer("provider_user_id"))
            .col(uuid("request_id"))
            .col(timestamp_with_time_zone("issued_at"))
            .col(timestamp_with_time_zone("redeemable_until"))
            .col(big_integer("redemptions"))
            .col(timestamp_with_time_zone_null("voided_at"))
            .col(timestamp_with_time_zone_null("renewed_at"))
            // When the row is removed.
            .col(timestamp_with_time_zone("expires_at"))
            .take();
        manager.create_table(table).await?;
        // For those of a person who is forgotten, and for the upkeep.
        for (name, columns) in [
            ("job_tickets_account", &["provider", "provider_user_id"][..]),
            ("job_tickets_expires_at", &["expires_at"]),
        ] {
            let mut index = Index::create().name(name).table(TABLE).take();
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).take()).await
    }
}
