use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, boolean, text, text_null, timestamp_with_time_zone,
        timestamp_with_time_zone_null, uuid_null, uuid_uniq,
    },
};

/// Registrations; uses, which outlive them; and the places that uses took.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(registrations()).await?;
        manager.create_table(uses()).await?;
        manager.create_table(places()).await?;
        for (name, table, column) in [
            ("registrations_account_id", "registrations", "account_id"),
            ("uses_expires_at", "uses", "expires_at"),
            ("places_expires_at", "places", "expires_at"),
        ] {
            manager
                .create_index(Index::create().name(name).table(table).col(column).take())
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["places", "uses", "registrations"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}

fn registrations() -> TableCreateStatement {
    Table::create()
        .table("registrations")
        .col(big_integer("user_id"))
        .col(text("service"))
        .col(big_integer("account_id"))
        .col(uuid_uniq("request_id"))
        .col(boolean("public"))
        .col(boolean("ready"))
        .col(timestamp_with_time_zone("can_use_at"))
        .col(timestamp_with_time_zone("requested_at"))
        .col(uuid_null("finished_request_id"))
        .col(timestamp_with_time_zone_null("finished_at"))
        .primary_key(Index::create().col("user_id").col("service"))
        .foreign_key(&mut of_a_person("registrations"))
        .foreign_key(
            ForeignKey::create()
                .name("registrations_account_id")
                .from("registrations", "account_id")
                .to("accounts", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .take()
}

fn uses() -> TableCreateStatement {
    Table::create()
        .table("uses")
        .col(big_integer("user_id"))
        .col(text("service"))
        .col(positive("turn"))
        .col(timestamp_with_time_zone("window_start"))
        .col(timestamp_with_time_zone("cooldown_until"))
        .col(text_null("idempotency_key"))
        .col(positive("position"))
        .col(big_integer("quota_limit"))
        // The latest of the cooldown's end and the ends of all its windows: until then the row is needed.
        .col(timestamp_with_time_zone("expires_at"))
        .primary_key(Index::create().col("user_id").col("service"))
        .foreign_key(&mut of_a_person("uses"))
        .take()
}

fn places() -> TableCreateStatement {
    Table::create()
        .table("places")
        .col(text("service"))
        .col(text("budget"))
        .col(timestamp_with_time_zone("window_start"))
        .col(positive("seat"))
        .col(big_integer("user_id"))
        .col(positive("turn"))
        .col(positive("units"))
        .col(timestamp_with_time_zone("at"))
        // The later of the window's end and the cooldown's.
        .col(timestamp_with_time_zone("expires_at"))
        .primary_key(
            Index::create()
                .col("service")
                .col("budget")
                .col("window_start")
                .col("seat"),
        )
        .foreign_key(&mut of_a_person("places"))
        .take()
}

fn positive(column: &'static str) -> ColumnDef {
    big_integer(column).check(Expr::col(column).gt(0)).take()
}

fn of_a_person(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("{table}_user_id"))
        .from(table, "user_id")
        .to("users", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .take()
}
