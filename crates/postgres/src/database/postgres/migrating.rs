use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use tokio::time::{Instant, sleep, timeout};

use super::statements::Statements;

/// How often the server is asked whether the session of a migration is there.
const LOOK: Duration = Duration::from_secs(2);

/// For how long nobody may hear of the server while a migration runs.
const UNHEARD: Duration = Duration::from_secs(30);

/// The session of a migration, as the others see it.
///
/// A migration may take as long as it takes, so no deadline tells whether its line was cut without a word. The server does,
/// over another line: it ends a session that is silent between two statements.
#[derive(Debug)]
pub(crate) struct Session {
    pid: i32,
    /// With the number, for the server gives that to another one day, and at once after a restart.
    pub(super) began_at: DateTime<Utc>,
    /// Over connections that are found to be broken.
    others: Statements,
    deadline: Duration,
}

impl Session {
    /// That of a connection.
    pub(super) async fn of(
        connection: &DatabaseConnection,
        others: Statements,
        deadline: Duration,
    ) -> Result<Self, DbErr> {
        let own = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()";
        let row = connection
            .query_one_raw(Statement::from_string(DbBackend::Postgres, own))
            .await?
            .ok_or_else(|| DbErr::RecordNotFound("the session".to_owned()))?;
        Ok(Self {
            pid: row.try_get("", "pid")?,
            began_at: row.try_get("", "backend_start")?,
            others,
            deadline,
        })
    }

    /// Returns when the session is gone or the server is, with the cause.
    pub(crate) async fn lost(&self) -> &'static str {
        let mut heard = Instant::now();
        loop {
            sleep(LOOK).await;
            match timeout(self.deadline, self.is_there()).await {
                Ok(Ok(true)) => heard = Instant::now(),
                Ok(Ok(false)) => return "the server has ended the session",
                Ok(Err(_)) | Err(_) if heard.elapsed() > UNHEARD => {
                    return "the server does not answer any more";
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }

    pub(super) async fn is_there(&self) -> Result<bool, DbErr> {
        let look = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2",
            [self.pid.into(), self.began_at.into()],
        );
        Ok(self.others.query_one_raw(look).await?.is_some())
    }
}
