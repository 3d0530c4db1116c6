use std::{fmt::Write, time::Duration};

use sea_orm::{
    SqlxError,
    sqlx::{AssertSqlSafe, Executor, postgres::PgConnection},
};

use crate::pooling::Pooling;

/// How long the server waits in silence before it probes this side, the time between two probes, and the number of
/// failed probes: a session whose program is cut off ends after 20 seconds, inside of a transaction or not.
const KEEPALIVES: [(&str, u128); 4] = [
    ("tcp_keepalives_idle", 10),
    ("tcp_keepalives_interval", 5),
    ("tcp_keepalives_count", 2),
    ("tcp_user_timeout", 20_000),
];

/// How long the server waits for the next statement of a migration: longer than any pause of a program that works, and
/// short enough that others soon get the lock of a program that was stopped or cut off.
const MIGRATION_IDLE: Duration = Duration::from_secs(30);

/// Settings that release the locks of a program that is paused, cut off or dead
/// (<https://www.postgresql.org/docs/current/runtime-config-client.html>), for a session or for one transaction.
#[derive(Debug, Clone)]
pub(super) struct SessionSettings(String);

impl SessionSettings {
    /// For calls, which end within the deadline. The same limit holds for a statement, for a pause between two
    /// statements, and, doubled, for a transaction on servers that support it (17 and later).
    pub(super) fn of_calls(deadline: Duration, pooling: Pooling) -> Self {
        let deadline = deadline.as_millis().max(1);
        let limits = [
            ("statement_timeout", deadline),
            ("idle_in_transaction_session_timeout", deadline),
            // It must be longer than the other two limits: otherwise PostgreSQL ignores those.
            ("transaction_timeout", deadline * 2),
            // Off. Every statement has an index to go by, and a plan that was made for an empty table is used for the full one.
            ("enable_seqscan", 0),
        ];
        match pooling {
            Pooling::Session => Self::of(&[&limits[..], &KEEPALIVES].concat(), false),
            // The server's connection is the pooler's, and outlives this program.
            Pooling::Transaction => Self::of(&limits, true),
        }
    }

    /// For the transaction of a migration: changing a large table may take any time.
    pub(super) fn of_migrations() -> Self {
        let limits = [
            ("statement_timeout", 0),
            (
                "idle_in_transaction_session_timeout",
                MIGRATION_IDLE.as_millis(),
            ),
        ];
        Self::of(&[&limits[..], &KEEPALIVES].concat(), true)
    }

    fn of(limits: &[(&str, u128)], of_transaction: bool) -> Self {
        // Otherwise each start would get the notice that the tables exist already.
        let mut rows = "('client_min_messages','warning')".to_owned();
        for (name, value) in limits {
            let _infallible = write!(rows, ",('{name}','{value}')");
        }
        // Skips settings that this server does not know.
        Self(format!(
            "SELECT set_config(name, value, {of_transaction}) \
             FROM (VALUES {rows}) AS wanted (name, value) \
             WHERE current_setting(name, true) IS NOT NULL"
        ))
    }

    /// The commands that begin a transaction with them.
    pub(super) fn begin(&self) -> String {
        format!("BEGIN; {}", self.0)
    }

    /// The command that applies them.
    pub(super) fn command(&self) -> &str {
        &self.0
    }

    /// Applies them to a connection.
    pub(super) async fn apply(&self, connection: &mut PgConnection) -> Result<(), SqlxError> {
        connection.execute(AssertSqlSafe(self.0.clone())).await?;
        Ok(())
    }
}
