use std::time::Duration;

use secrecy::SecretString;

use crate::{error::PostgresError, observer::Observer};

/// What PostgreSQL takes of a name (`NAMEDATALEN` - 1), in bytes; of a longer one it drops the rest.
const LONGEST_NAME: usize = 63;

/// Where the store is, and how it is used.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StoreConfig {
    /// `postgres://user:password@host:port/database?sslmode=…`, with the parameters that
    /// [libpq](https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS) has, or
    /// `sqlite://` and the path of a file, as it stands. May hold a password, so it is printed nowhere.
    pub url: SecretString,
    /// Most connections at a time. SQLite has one that writes; these are for reading.
    pub max_connections: u32,
    /// How long a call may take, waiting for a connection included.
    pub deadline: Duration,
    /// What PostgreSQL calls the sessions, in `pg_stat_activity` and its log, unless the address has an `application_name`:
    /// 1 to 63 printable ASCII characters.
    pub application_name: String,
    /// On which PostgreSQL tells the replicas of new outbox rows: letters, digits and underscores, no digit first, at most
    /// 63. All stores of one schema must have the same; stores of several schemas in one database wake each other for
    /// nothing if they share it.
    pub channel: String,
    /// The number of the advisory lock that whoever migrates a PostgreSQL database holds. All stores of one schema must
    /// have the same, and whatever else takes such locks in the database another.
    pub migration_lock: i64,
    pub(crate) observer: Option<Observer>,
}

impl StoreConfig {
    /// The usual number of connections.
    pub const DEFAULT_MAX_CONNECTIONS: u32 = 10;
    /// The usual deadline.
    pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(2);
    /// What sessions are usually called.
    pub const DEFAULT_APPLICATION_NAME: &str = "lemon-toolbox";
    /// The usual channel.
    pub const DEFAULT_CHANNEL: &str = "lemon_outbox";
    /// The usual lock: "lemon" in ASCII.
    pub const DEFAULT_MIGRATION_LOCK: i64 = 0x6c_65_6d_6f_6e;

    /// The usual settings for an address.
    #[must_use]
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self {
            url: url.into(),
            max_connections: Self::DEFAULT_MAX_CONNECTIONS,
            deadline: Self::DEFAULT_DEADLINE,
            application_name: Self::DEFAULT_APPLICATION_NAME.to_owned(),
            channel: Self::DEFAULT_CHANNEL.to_owned(),
            migration_lock: Self::DEFAULT_MIGRATION_LOCK,
            observer: None,
        }
    }

    /// The usual settings for connections of the caller's, which have an address: see
    /// [`SqlStore::new`](crate::SqlStore::new).
    #[must_use]
    pub fn without_address() -> Self {
        Self::new("")
    }

    /// With so many connections at most.
    #[must_use]
    pub const fn with_max_connections(mut self, max_connections: u32) -> Self {
        self.max_connections = max_connections;
        self
    }

    /// With a deadline for each call.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// With a name for the sessions.
    #[must_use]
    pub fn with_application_name(mut self, application_name: impl Into<String>) -> Self {
        self.application_name = application_name.into();
        self
    }

    /// With a channel for the news of outbox rows.
    #[must_use]
    pub fn with_channel(mut self, channel: impl Into<String>) -> Self {
        self.channel = channel.into();
        self
    }

    /// With the number of the lock for migrations.
    #[must_use]
    pub const fn with_migration_lock(mut self, migration_lock: i64) -> Self {
        self.migration_lock = migration_lock;
        self
    }

    /// With an observer of statements, for metrics, or to find those that are slow: it is called after the answer of each
    /// statement with values, with the time that it took; not of one that nobody waits for any more, and not of those that
    /// begin and end transactions. It is called in the course of the call, so it must be quick and must not panic.
    ///
    /// The values are people's data and sealed secrets: they belong in no log. To observe connections of one's own, see
    /// [`set_metric_callback`](sea_orm::DatabaseConnection::set_metric_callback).
    #[must_use]
    pub fn with_observer(
        mut self,
        observer: impl Fn(&sea_orm::metric::Info<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.observer = Some(Observer::new(observer));
        self
    }

    /// Checks the names, which can be told without a connection.
    ///
    /// # Errors
    /// [`PostgresError::ApplicationName`] and [`PostgresError::Channel`].
    pub fn check(&self) -> Result<(), PostgresError> {
        let name = &self.application_name;
        let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        if !(1..=LONGEST_NAME).contains(&name.len()) || !name.bytes().all(is_printable) {
            return Err(PostgresError::ApplicationName(format!(
                "it is not 1 to {LONGEST_NAME} printable ASCII characters"
            )));
        }
        if !is_identifier(&self.channel) {
            return Err(PostgresError::Channel(format!(
                "it is not 1 to {LONGEST_NAME} letters, digits and underscores, no digit first"
            )));
        }
        Ok(())
    }
}

/// The part of the deadline for which a connection is waited for: what is left is for the work. A call that gets no
/// connection thus ends as one that certainly changed nothing.
pub(crate) fn patience(deadline: Duration) -> Duration {
    deadline * 3 / 4
}

/// PostgreSQL takes it as the name of something, and nothing of it for more than that.
fn is_identifier(name: &str) -> bool {
    let is_part = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
    (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(is_part)
        && !name.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_postgresql_would_change_are_refused() {
        let usual = StoreConfig::new("postgres://db/lemon");
        let longest = "n".repeat(63);
        for good in ["lemon-toolbox", "Lemon: eu-west 1", &longest] {
            let config = usual.clone().with_application_name(good);
            assert_eq!(config.check(), Ok(()), "{good}");
        }
        for wrong in ["", "two\nlines", "Zitrone \u{1f34b}", &"n".repeat(64)] {
            let config = usual.clone().with_application_name(wrong);
            let refused = config.check();
            let told = matches!(refused, Err(PostgresError::ApplicationName(_)));
            assert!(told, "{wrong}: {refused:?}");
        }
    }

    #[test]
    fn a_channel_is_an_identifier() {
        let usual = StoreConfig::new("postgres://db/lemon");
        let longest = "c".repeat(63);
        for good in ["lemon_outbox", "_1", "Order", &longest] {
            assert_eq!(usual.clone().with_channel(good).check(), Ok(()), "{good}");
        }
        for wrong in [
            "",
            "1st",
            "two words",
            "a\"; DROP TABLE users; --",
            "ä",
            &"c".repeat(64),
        ] {
            let refused = usual.clone().with_channel(wrong).check();
            let told = matches!(refused, Err(PostgresError::Channel(_)));
            assert!(told, "{wrong}: {refused:?}");
        }
    }
}
