use std::{num::NonZeroUsize, time::Duration};

use secrecy::SecretString;

use crate::{address::Address, error::RedisError, keys::KeyPrefix};

/// How to reach Redis or Valkey.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RedisConfig {
    /// `redis://user:password@host:6379/0`, or `rediss://` for TLS; user, password, port and database are optional.
    /// With `-cluster` or `-sentinel` after the scheme, further nodes follow as in
    /// `redis-cluster://host:7000?node=other:7001` and
    /// `redis-sentinel://host:26379?node=other:26379&sentinelServiceName=main`. `valkey` means the same as `redis`.
    ///
    /// TLS trusts the system's root certificates, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
    pub url: SecretString,
    /// The number of connections. Calls share them without waiting for one another's answers.
    pub pool_size: NonZeroUsize,
    /// The longest time of a call, including a reconnection.
    pub deadline: Duration,
    /// The beginning of every key, a [`KeyPrefix`](crate::KeyPrefix).
    pub key_prefix: String,
    /// Whether all keys are [in one slot](crate::KeyPrefix::in_one_slot) of a cluster.
    pub is_one_slot: bool,
}

impl RedisConfig {
    /// The default number of connections.
    pub const DEFAULT_POOL_SIZE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(3);
    /// The default deadline.
    pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(2);
    /// The default beginning of keys.
    pub const DEFAULT_KEY_PREFIX: &str = "lemon";

    /// The default settings for an address.
    #[must_use]
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self {
            url: url.into(),
            pool_size: Self::DEFAULT_POOL_SIZE,
            deadline: Self::DEFAULT_DEADLINE,
            key_prefix: Self::DEFAULT_KEY_PREFIX.to_owned(),
            is_one_slot: false,
        }
    }

    /// Sets the number of connections.
    #[must_use]
    pub const fn with_pool_size(mut self, pool_size: NonZeroUsize) -> Self {
        self.pool_size = pool_size;
        self
    }

    /// Sets the deadline of each call.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets the beginning of every key.
    #[must_use]
    pub fn with_key_prefix(mut self, key_prefix: impl Into<String>) -> Self {
        self.key_prefix = key_prefix.into();
        self
    }

    /// Sets whether all keys are [in one slot](crate::KeyPrefix::in_one_slot) of a cluster.
    #[must_use]
    pub const fn with_one_slot(mut self, is_one_slot: bool) -> Self {
        self.is_one_slot = is_one_slot;
        self
    }

    /// Checks what can be checked without a connection.
    ///
    /// # Errors
    /// [`RedisError::Address`] and [`RedisError::KeyPrefix`].
    pub fn check(&self) -> Result<(), RedisError> {
        self.prefix()?;
        Address::parse(&self.url)?;
        Ok(())
    }

    pub(crate) fn prefix(&self) -> Result<KeyPrefix, RedisError> {
        let prefix = KeyPrefix::parse(&self.key_prefix)?;
        Ok(if self.is_one_slot {
            prefix.in_one_slot()
        } else {
            prefix
        })
    }
}
