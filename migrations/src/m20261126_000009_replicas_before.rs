use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// A replica of a version without the trainings' deadlines leaves columns out when it stores a repeated request;
/// PostgreSQL fills them with triggers. A SQLite database has only one program at a time.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// The training of a new request is announced once, with the request; newer programs store the same.
const ANNOUNCED: &str = "
CREATE FUNCTION announce_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.announced_at := NEW.requested_at;
    NEW.announcements := 1;
    RETURN NEW;
END $$";

const ON_A_NEW_REQUEST: &str = "
CREATE TRIGGER announce_request BEFORE UPDATE ON registrations FOR EACH ROW
WHEN (NEW.request_id IS DISTINCT FROM OLD.request_id) EXECUTE FUNCTION announce_request()";

/// The previous use's request id is not that of the new use, whose request is unknown here.
const FORGOTTEN: &str = "
CREATE FUNCTION forget_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.request_id := NULL;
    RETURN NEW;
END $$";

const ON_A_NEW_TURN: &str = "
CREATE TRIGGER forget_request BEFORE UPDATE ON uses FOR EACH ROW
WHEN (NEW.turn IS DISTINCT FROM OLD.turn AND NEW.request_id IS NOT DISTINCT FROM OLD.request_id)
EXECUTE FUNCTION forget_request()";

/// Gives a deadline to each training that such a replica has left without one, or with that of the previous request.
/// Each gets a different moment, because a sweep reads them in pages.
const MEND: &str = "
UPDATE registrations SET announced_at = clock_timestamp(), announcements = 1
WHERE (announced_at IS NULL OR announced_at < requested_at)
AND finished_request_id IS DISTINCT FROM request_id AND failed_request_id IS DISTINCT FROM request_id";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            let db = manager.get_connection();
            for make in [ANNOUNCED, ON_A_NEW_REQUEST, FORGOTTEN, ON_A_NEW_TURN, MEND] {
                db.execute_unprepared(make).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            let db = manager.get_connection();
            for (trigger, table) in [
                ("announce_request", "registrations"),
                ("forget_request", "uses"),
            ] {
                db.execute_unprepared(&format!("DROP TRIGGER {trigger} ON {table}"))
                    .await?;
                db.execute_unprepared(&format!("DROP FUNCTION {trigger}"))
                    .await?;
            }
        }
        Ok(())
    }
}
