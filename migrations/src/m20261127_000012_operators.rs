use sea_orm_migration::{
    prelude::*,
    schema::{big_integer_null, string_len, text, timestamp_with_time_zone, uuid},
};

use crate::compatibility;

/// What operators work with: the replicas that serve, the directives that are given while they do, and which programs can
/// use the database. One index tells which sealing keys are
/// needed, another which accounts a person has.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Finds the ids of the keys that rows were sealed with, without reading the rows.
const KEYS: &str = "accounts_credentials_key_id";

/// Finds all accounts of a person.
const BY_USER: &str = "accounts_by_user";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let replicas = Table::create()
            .table("replicas")
            .col(uuid("id").primary_key())
            .col(string_len("version", 64))
            .col(timestamp_with_time_zone("seen_at"))
            .take();
        manager.create_table(replicas).await?;
        let directives = Table::create()
            .table("directives")
            .col(text("name").primary_key())
            // The number that is set; none for a switch.
            .col(big_integer_null("value"))
            .col(text("given_by"))
            .col(timestamp_with_time_zone("given_at"))
            .take();
        manager.create_table(directives).await?;
        let keys = Index::create()
            .name(KEYS)
            .table("accounts")
            .col("credentials_key_id")
            .take();
        manager.create_index(keys).await?;
        let by_user = Index::create()
            .name(BY_USER)
            .table("accounts")
            .col("user_id")
            .take();
        manager.create_index(by_user).await?;
        compatibility::begin(manager, self.name()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        compatibility::end(manager).await?;
        for name in [BY_USER, KEYS] {
            let index = Index::drop().name(name).table("accounts").to_owned();
            manager.drop_index(index).await?;
        }
        for table in ["directives", "replicas"] {
            let drop = Table::drop().table(table).take();
            manager.drop_table(drop).await?;
        }
        Ok(())
    }
}
