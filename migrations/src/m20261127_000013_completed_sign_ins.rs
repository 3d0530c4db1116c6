use sea_orm_migration::{
    prelude::*,
    schema::{big_integer_null, text_null, timestamp_with_time_zone_null},
};

/// Who signed in, so that a browser that did not get the answer can ask again for a moment. To a program that does not
/// know these columns, a completed sign-in is an expired one.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLE: &str = "pending_sign_ins";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            big_integer_null("user_id"),
            text_null("provider"),
            big_integer_null("provider_user_id"),
            timestamp_with_time_zone_null("answered_until"),
        ];
        for column in columns {
            // One at a time, because SQLite adds one in a statement.
            let add = Table::alter().table(TABLE).add_column(column).take();
            manager.alter_table(add).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["answered_until", "provider_user_id", "provider", "user_id"] {
            let drop = Table::alter().table(TABLE).drop_column(column).take();
            manager.alter_table(drop).await?;
        }
        Ok(())
    }
}
