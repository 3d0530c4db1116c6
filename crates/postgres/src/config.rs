use std::time::Duration;

use secrecy::SecretString;

/// Where the store is, and how it is used.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// `postgres://user:password@host:port/database?sslmode=…`, with the parameters that
    /// [libpq](https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS) has, or
    /// `sqlite://` and the path of a file, as it stands. May hold a password, so it is printed nowhere.
    pub url: SecretString,
    /// Most connections at a time. SQLite has one that writes; these are for reading.
    pub max_connections: u32,
    /// How long a call may take, waiting for a connection included.
    pub deadline: Duration,
}

impl StoreConfig {
    /// The usual: 10 connections, 2 seconds.
    #[must_use]
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self {
            url: url.into(),
            max_connections: 10,
            deadline: Duration::from_secs(2),
        }
    }
}
