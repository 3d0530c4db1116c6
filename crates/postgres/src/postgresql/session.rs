use std::{fmt::Write, time::Duration};

use sea_orm::{
    SqlxError,
    sqlx::{AssertSqlSafe, Executor, postgres::PgConnection},
};

/// After how long without a word the server asks whether this side is still there, how often it asks again, and how
/// often in vain: a session whose program is cut off ends after 20 seconds, in a transaction or not.
const KEEPALIVES: [(&str, u128); 4] = [
    ("tcp_keepalives_idle", 10),
    ("tcp_keepalives_interval", 5),
    ("tcp_keepalives_count", 2),
    ("tcp_user_timeout", 20_000),
];

/// How long the server waits for the next statement of a migration: longer than any pause of a program that works,
/// and short enough that others soon get the lock of one that was stopped or cut off.
const MIGRATION_IDLE: Duration = Duration::from_secs(30);

/// What the server is told about a session, so that it does not hold for a program that is paused, cut off or dead what
/// others need (<https://www.postgresql.org/docs/current/runtime-config-client.html>).
#[derive(Debug, Clone)]
pub(super) struct SessionSettings(String);

impl SessionSettings {
    /// For calls, which end within the deadline: so does a statement, a pause between two of them, and, on servers that
    /// can (17 and later), a transaction.
    pub(super) fn of_calls(deadline: Duration) -> Self {
        let deadline = deadline.as_millis().max(1);
        Self::of(&[
            ("statement_timeout", deadline),
            ("idle_in_transaction_session_timeout", deadline),
            // Where it is not longer than the others, those do nothing.
            ("transaction_timeout", deadline * 2),
        ])
    }

    /// For a migration: changing a large table takes as long as it takes.
    pub(super) fn of_migrations() -> Self {
        Self::of(&[
            ("statement_timeout", 0),
            (
                "idle_in_transaction_session_timeout",
                MIGRATION_IDLE.as_millis(),
            ),
        ])
    }

    fn of(limits: &[(&str, u128)]) -> Self {
        // Each start would be told that the tables are there already.
        let mut rows = "('client_min_messages','warning')".to_owned();
        for (name, value) in limits.iter().chain(&KEEPALIVES) {
            let _infallible = write!(rows, ",('{name}','{value}')");
        }
        // One that this server does not know is left out.
        Self(format!(
            "SELECT set_config(name, value, false) FROM (VALUES {rows}) AS wanted (name, value) \
             WHERE current_setting(name, true) IS NOT NULL"
        ))
    }

    /// Tells the server.
    pub(super) async fn apply(&self, connection: &mut PgConnection) -> Result<(), SqlxError> {
        connection.execute(AssertSqlSafe(self.0.clone())).await?;
        Ok(())
    }
}
