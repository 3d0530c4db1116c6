use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_pk_auto, text, timestamp_with_time_zone, uuid},
};

/// Tasks that wait to be sent: what to do and for whom, never the credentials.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(outbox()).await?;
        for (name, columns) in [
            ("outbox_due", ["due_at", "id"]),
            ("outbox_account", ["provider", "provider_user_id"]),
        ] {
            let mut index = Index::create().name(name).table("outbox").take();
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("outbox").take())
            .await
    }
}

fn outbox() -> TableCreateStatement {
    Table::create()
        .table("outbox")
        // Ids are never reused: a late removal must not remove another row.
        .col(big_pk_auto("id"))
        .col(text("task"))
        .col(text("service"))
        .col(text("provider"))
        .col(big_integer("provider_user_id"))
        .col(uuid("request_id"))
        .col(big_integer("attempt").default(0))
        // When it may be claimed: at once, after a postponement, or after the lease of a claim.
        .col(timestamp_with_time_zone("due_at"))
        .col(timestamp_with_time_zone("created_at"))
        .take()
}
