use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text, text_null, timestamp_with_time_zone},
};

/// Attempts with an idempotency key, each with its answer. Before, they were part of the person's latest use, so that
/// only one was remembered.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// The columns that move from `uses` to `attempts`.
const MOVED: [&str; 3] = ["idempotency_key", "position", "quota_limit"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(attempts()).await?;
        manager
            .create_index(
                Index::create()
                    .name("attempts_expires_at")
                    .table("attempts")
                    .col("expires_at")
                    .take(),
            )
            .await?;
        let db = manager.get_connection();
        db.execute_unprepared(
            "INSERT INTO attempts (user_id, service, idempotency_key, position, quota_limit, expires_at) \
             SELECT user_id, service, idempotency_key, position, quota_limit, expires_at FROM uses \
             WHERE idempotency_key IS NOT NULL",
        )
        .await?;
        for column in MOVED {
            let drop = Table::alter().table("uses").drop_column(column).take();
            manager.alter_table(drop).await?;
        }
        Ok(())
    }

    /// For each person and service, only the attempt that is remembered longest is kept.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [
            text_null("idempotency_key"),
            big_integer("position").default(1).take(),
            big_integer("quota_limit").default(1).take(),
        ] {
            let add = Table::alter().table("uses").add_column(column).take();
            manager.alter_table(add).await?;
        }
        for column in MOVED {
            let latest = format!(
                "UPDATE uses SET {column} = (SELECT {column} FROM attempts \
                 WHERE attempts.user_id = uses.user_id AND attempts.service = uses.service \
                 ORDER BY attempts.expires_at DESC, attempts.idempotency_key LIMIT 1) \
                 WHERE EXISTS (SELECT 1 FROM attempts \
                 WHERE attempts.user_id = uses.user_id AND attempts.service = uses.service)"
            );
            manager.get_connection().execute_unprepared(&latest).await?;
        }
        manager
            .drop_table(Table::drop().table("attempts").take())
            .await
    }
}

fn attempts() -> TableCreateStatement {
    Table::create()
        .table("attempts")
        .col(big_integer("user_id"))
        .col(text("service"))
        .col(text("idempotency_key"))
        .col(big_integer("position").check(Expr::col("position").gt(0)))
        .col(big_integer("quota_limit"))
        // The time until which it is remembered.
        .col(timestamp_with_time_zone("expires_at"))
        .primary_key(
            Index::create()
                .col("user_id")
                .col("service")
                .col("idempotency_key"),
        )
        .foreign_key(
            ForeignKey::create()
                .name("attempts_user_id")
                .from("attempts", "user_id")
                .to("users", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .take()
}
