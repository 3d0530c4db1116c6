use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, text, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid_null,
    },
    sea_orm::DbBackend,
};

/// The state of a training, the request of a use, and the units of a budget that are taken.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// The columns that the step adds to `registrations`.
const OF_A_TRAINING: [&str; 3] = ["announced_at", "announcements", "failed_request_id"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in [
            // When the running training was last announced; null if none runs.
            (
                "registrations",
                timestamp_with_time_zone_null("announced_at"),
            ),
            (
                "registrations",
                big_integer("announcements")
                    .default(1)
                    .check(Expr::col("announcements").gt(0))
                    .take(),
            ),
            ("registrations", uuid_null("failed_request_id")),
            ("uses", uuid_null("request_id")),
        ] {
            let add = Table::alter().table(table).add_column(column).take();
            manager.alter_table(add).await?;
        }
        manager.create_table(budget_totals()).await?;
        for index in [
            Index::create()
                .name("registrations_announced_at")
                .table("registrations")
                .col("service")
                .col("announced_at")
                .and_where(Expr::col("announced_at").is_not_null())
                .take(),
            // For giving back the places of a user.
            Index::create()
                .name("places_user_id")
                .table("places")
                .col("user_id")
                .take(),
            Index::create()
                .name("budget_totals_expires_at")
                .table("budget_totals")
                .col("expires_at")
                .take(),
        ] {
            manager.create_index(index).await?;
        }
        fill(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, index) in [
            ("registrations", "registrations_announced_at"),
            ("places", "places_user_id"),
        ] {
            let drop = Index::drop().name(index).table(table).to_owned();
            manager.drop_index(drop).await?;
        }
        let added = OF_A_TRAINING.map(|column| ("registrations", column));
        for (table, column) in added.into_iter().chain([("uses", "request_id")]) {
            let drop = Table::alter().table(table).drop_column(column).take();
            manager.alter_table(drop).await?;
        }
        manager
            .drop_table(Table::drop().table("budget_totals").take())
            .await
    }
}

fn budget_totals() -> TableCreateStatement {
    Table::create()
        .table("budget_totals")
        .col(text("service"))
        .col(text("budget"))
        .col(timestamp_with_time_zone("window_start"))
        // The sum over the recorded places.
        .col(big_integer("units").check(Expr::col("units").gte(0)))
        .col(timestamp_with_time_zone("expires_at"))
        .primary_key(
            Index::create()
                .col("service")
                .col("budget")
                .col("window_start"),
        )
        .take()
}

/// Adds up the existing places, and sets the announcement of the running trainings.
async fn fill(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    // The day's budget needs no total: each place takes one unit, and no two places have the same seat.
    db.execute_unprepared(
        "INSERT INTO budget_totals (service, budget, window_start, units, expires_at) \
         SELECT service, budget, window_start, SUM(units), MAX(expires_at) FROM places \
         WHERE budget <> 'daily' GROUP BY service, budget, window_start",
    )
    .await?;
    db.execute_unprepared(
        "UPDATE registrations SET announced_at = requested_at \
         WHERE finished_request_id IS NULL OR finished_request_id <> request_id",
    )
    .await?;
    if manager.get_database_backend() == DbBackend::Postgres {
        // For a program of the previous version that may run at the same time: the training of a first registration
        // gets a deadline too.
        db.execute_unprepared(
            "ALTER TABLE registrations ALTER COLUMN announced_at SET DEFAULT CURRENT_TIMESTAMP",
        )
        .await?;
    }
    Ok(())
}
