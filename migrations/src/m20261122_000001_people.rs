use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_pk_auto, blob, text, timestamp_with_time_zone},
};

/// People, their accounts, and pending sign-ins.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(users()).await?;
        manager.create_table(accounts()).await?;
        manager.create_table(pending_sign_ins()).await?;
        manager
            .create_index(
                Index::create()
                    .name("pending_sign_ins_expires_at")
                    .table("pending_sign_ins")
                    .col("expires_at")
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["pending_sign_ins", "accounts", "users"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}

fn users() -> TableCreateStatement {
    Table::create()
        .table("users")
        .col(big_pk_auto("id"))
        .col(timestamp_with_time_zone("created_at"))
        .take()
}

fn accounts() -> TableCreateStatement {
    Table::create()
        .table("accounts")
        .col(big_pk_auto("id"))
        .col(big_integer("user_id"))
        .col(text("provider"))
        .col(big_integer("provider_user_id").check(Expr::col("provider_user_id").gt(0)))
        .col(blob("credentials"))
        .col(text("credentials_key_id"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("refreshed_at"))
        .foreign_key(
            ForeignKey::create()
                .name("accounts_user_id")
                .from("accounts", "user_id")
                .to("users", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .index(
            Index::create()
                .unique()
                .name("accounts_provider_user")
                .col("provider")
                .col("provider_user_id"),
        )
        .take()
}

fn pending_sign_ins() -> TableCreateStatement {
    Table::create()
        .table("pending_sign_ins")
        .col(text("token").primary_key())
        .col(blob("secret"))
        .col(text("secret_key_id"))
        .col(timestamp_with_time_zone("expires_at"))
        .take()
}
