use std::time::Duration;

use secrecy::SecretString;

use crate::{
    address::{self, StoreAddress},
    error::PostgresError,
    observer::Observer,
    pooling::Pooling,
};

/// The longest name in PostgreSQL (`NAMEDATALEN` - 1), in bytes; it cuts off the rest of a longer one.
const LONGEST_NAME: usize = 63;

/// Where the store is, and how it is used.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StoreConfig {
    /// `postgres://user:password@host:port/database?sslmode=…`, with the parameters of
    /// [libpq](https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS); certificates in the file
    /// of the variable `SSL_CERT_FILE` are trusted, unless `sslrootcert` names others. Or `sqlite://` and the
    /// path of a file, unescaped and without a question mark; `?mode=rwc` may follow. May hold a password, so it is never printed.
    pub url: SecretString,
    /// The most connections at a time. On SQLite these only read, two for each core at most; one more writes.
    pub max_connections: u32,
    /// How long a call may take, including the wait for a connection.
    pub deadline: Duration,
    /// The name of the sessions in `pg_stat_activity` and PostgreSQL's log, unless the address has an
    /// `application_name`: 1 to 63 printable ASCII characters.
    pub application_name: String,
    /// The channel on which PostgreSQL tells the replicas of new outbox rows: letters, digits and underscores, no digit
    /// first, at most 63. All stores of one schema must have the same channel; stores of several schemas in one
    /// database that share a channel wake each other needlessly.
    pub channel: String,
    /// The number of the advisory lock that a migration of a PostgreSQL database holds. All stores of one schema must
    /// have the same number, and everything else that takes such locks in the database must have a different one.
    pub migration_lock: i64,
    /// What a connection to PostgreSQL leads to.
    pub pooling: Pooling,
    /// Whether statements are prepared once for each connection to PostgreSQL. A pooler in transaction mode must support
    /// that: `PgBouncer` does from 1.21.
    pub prepared_statements: bool,
    /// The address of the same PostgreSQL database past a pooler: there the store listens and migrates, with one
    /// connection for each. May hold a password, so it is never printed.
    pub direct_url: Option<SecretString>,
    /// Whether PostgreSQL tells this store of outbox rows and directives of others; otherwise it looks for directives
    /// twice a second, and callers must look for rows. Without a `direct_url` nothing is told behind a pooler in
    /// transaction mode.
    pub listens: bool,
    pub(crate) observer: Option<Observer>,
}

impl StoreConfig {
    /// The default number of connections.
    pub const DEFAULT_MAX_CONNECTIONS: u32 = 10;
    /// The default deadline.
    pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(2);
    /// The default name of sessions.
    pub const DEFAULT_APPLICATION_NAME: &str = "lemon-toolbox";
    /// The default channel.
    pub const DEFAULT_CHANNEL: &str = "lemon_outbox";
    /// The default lock: "lemon" in ASCII.
    pub const DEFAULT_MIGRATION_LOCK: i64 = 0x6c_65_6d_6f_6e;

    /// The default settings for an address.
    #[must_use]
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self {
            url: url.into(),
            max_connections: Self::DEFAULT_MAX_CONNECTIONS,
            deadline: Self::DEFAULT_DEADLINE,
            application_name: Self::DEFAULT_APPLICATION_NAME.to_owned(),
            channel: Self::DEFAULT_CHANNEL.to_owned(),
            migration_lock: Self::DEFAULT_MIGRATION_LOCK,
            pooling: Pooling::Session,
            prepared_statements: true,
            direct_url: None,
            listens: true,
            observer: None,
        }
    }

    /// The default settings for connections that the caller made: see [`SqlStore::new`](crate::SqlStore::new).
    #[must_use]
    pub fn without_address() -> Self {
        Self::new("")
    }

    /// Sets the most connections at a time.
    #[must_use]
    pub const fn with_max_connections(mut self, max_connections: u32) -> Self {
        self.max_connections = max_connections;
        self
    }

    /// Sets the deadline of each call.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets the name of the sessions.
    #[must_use]
    pub fn with_application_name(mut self, application_name: impl Into<String>) -> Self {
        self.application_name = application_name.into();
        self
    }

    /// Sets the channel that announces outbox rows.
    #[must_use]
    pub fn with_channel(mut self, channel: impl Into<String>) -> Self {
        self.channel = channel.into();
        self
    }

    /// Sets the number of the lock for migrations.
    #[must_use]
    pub const fn with_migration_lock(mut self, migration_lock: i64) -> Self {
        self.migration_lock = migration_lock;
        self
    }

    /// Sets what a connection leads to, and whether statements are prepared to what works in any case.
    #[must_use]
    pub const fn with_pooling(mut self, pooling: Pooling) -> Self {
        self.pooling = pooling;
        self.prepared_statements = matches!(pooling, Pooling::Session);
        self
    }

    /// Sets whether statements are prepared once for each connection.
    #[must_use]
    pub const fn with_prepared_statements(mut self, prepared_statements: bool) -> Self {
        self.prepared_statements = prepared_statements;
        self
    }

    /// Sets the address past a pooler.
    #[must_use]
    pub fn with_direct_url(mut self, direct_url: impl Into<SecretString>) -> Self {
        self.direct_url = Some(direct_url.into());
        self
    }

    /// Sets whether the store is told of what others do.
    #[must_use]
    pub const fn with_listens(mut self, listens: bool) -> Self {
        self.listens = listens;
        self
    }

    /// Sets an observer of statements, for metrics or to find slow statements. It is called after the answer of each
    /// statement with values, with the time that the statement took. It is not called for a statement whose caller has
    /// stopped waiting, nor for statements that begin and end transactions. It runs inside of the call, so it must be
    /// quick and must not panic.
    ///
    /// The values are people's data and sealed secrets: they belong in no log. To observe the caller's own connections,
    /// see [`set_metric_callback`](sea_orm::DatabaseConnection::set_metric_callback).
    #[must_use]
    pub fn with_observer(
        mut self,
        observer: impl Fn(&sea_orm::metric::Info<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.observer = Some(Observer::new(observer));
        self
    }

    /// Checks the address and the names; this needs no connection.
    ///
    /// # Errors
    /// [`PostgresError::Address`], [`PostgresError::DirectAddress`], [`PostgresError::ApplicationName`] and
    /// [`PostgresError::Channel`].
    pub fn check(&self) -> Result<(), PostgresError> {
        self.check_names()?;
        self.direct_url.as_ref().map(address::direct).transpose()?;
        StoreAddress::parse(&self.url).map(drop)
    }

    /// Checks what also a configuration without an address has.
    pub(crate) fn check_names(&self) -> Result<(), PostgresError> {
        let name = &self.application_name;
        let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        if !(1..=LONGEST_NAME).contains(&name.len()) || !name.bytes().all(is_printable) {
            return Err(PostgresError::ApplicationName(format!(
                "it is not 1 to {LONGEST_NAME} printable ASCII characters"
            )));
        }
        if !is_identifier(&self.channel) {
            return Err(PostgresError::Channel(format!(
                "it is not 1 to {LONGEST_NAME} letters, digits and underscores that begin with no digit"
            )));
        }
        Ok(())
    }
}

/// The part of the deadline in which a call waits for a connection; the rest is for the work. So a call that gets no
/// connection ends with an error that says that nothing changed.
pub(crate) fn patience(deadline: Duration) -> Duration {
    deadline * 3 / 4
}

/// PostgreSQL accepts it as an unquoted identifier, without cutting it off.
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
