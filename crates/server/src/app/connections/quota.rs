use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use lemon_domain::{
    ports::{Clock, QuotaCounter},
    values::Catalogue,
};
use lemon_embedded::EmbeddedQuotaCounter;
use lemon_redis::{RedisConfig, RedisError, RedisQuotaCounter};

use super::{Failure, make, never};
use crate::{
    app::StartError,
    config::{ConfigError, QuotaSettings},
};

const NO_QUOTA: &str = "the quota counter cannot be used";

/// The quota counter, as it was configured.
pub(crate) struct QuotaPlan {
    /// Redis; `None` for the counter in the data folder.
    redis: Option<RedisConfig>,
    folder: PathBuf,
    deadline: Duration,
    max_age: Duration,
}

impl QuotaPlan {
    pub(crate) fn new(
        settings: &QuotaSettings,
        data_dir: &Path,
        catalogue: &Catalogue,
    ) -> Result<Self, ConfigError> {
        let deadline = Duration::from_millis(settings.deadline_ms);
        let redis = settings.address().map(|url| {
            RedisConfig::new(url.clone())
                // A pool size of 0 was refused with the other numbers.
                .with_pool_size(NonZeroUsize::new(settings.pool_size).unwrap_or(NonZeroUsize::MIN))
                .with_deadline(deadline)
                .with_key_prefix(settings.key_prefix.clone())
                // One step takes from a shared budget and from a service's own. In a cluster their keys must be in one
                // slot for that.
                .with_one_slot(catalogue.shares())
        });
        if let Some(redis) = &redis {
            redis.check().map_err(|fault| match fault {
                RedisError::Address(fault) => not_an_address(&fault),
                RedisError::KeyPrefix => ConfigError::wrong("quota.key_prefix", fault),
                other => ConfigError::wrong("quota.url", other),
            })?;
        }
        Ok(Self {
            redis,
            folder: data_dir.to_owned(),
            deadline,
            max_age: Duration::from_millis(settings.max_age_ms),
        })
    }

    /// Tells whether only this process uses the counter.
    pub(crate) const fn is_embedded(&self) -> bool {
        self.redis.is_none()
    }

    pub(crate) const fn deadline(&self) -> Duration {
        self.deadline
    }

    /// How old an answer about usage may be. To ask the embedded counter costs as little as to remember.
    pub(crate) const fn max_age(&self) -> Duration {
        match self.redis {
            Some(_) => self.max_age,
            None => Duration::ZERO,
        }
    }

    /// The connections to Redis.
    pub(crate) fn connections(&self) -> Option<usize> {
        self.redis.as_ref().map(|redis| redis.pool_size.get())
    }

    /// Connects; the second answer completes when the disk of the counter fails.
    pub(crate) async fn connect(
        &self,
        clock: &Arc<dyn Clock>,
    ) -> Result<(Arc<dyn QuotaCounter>, Failure), StartError> {
        if let Some(redis) = &self.redis {
            return Ok((Arc::new(connected(redis).await?), never()));
        }
        make(&self.folder)?;
        let counter = EmbeddedQuotaCounter::open(&self.file(), Arc::clone(clock));
        let counter = Arc::new(counter.context(NO_QUOTA)?);
        let disk = Arc::clone(&counter);
        Ok((counter, Box::pin(async move { disk.failed().await })))
    }

    /// Checks that [`connect`](Self::connect) would succeed. An embedded file stays as it is.
    pub(crate) async fn check(&self) -> Result<(), StartError> {
        if let Some(redis) = &self.redis {
            return connected(redis).await.map(drop);
        }
        make(&self.folder)?;
        Ok(EmbeddedQuotaCounter::check(&self.file()).context(NO_QUOTA)?)
    }

    fn file(&self) -> PathBuf {
        self.folder.join("quota.db")
    }
}

async fn connected(redis: &RedisConfig) -> Result<RedisQuotaCounter, StartError> {
    let counter = RedisQuotaCounter::connect(redis).await;
    counter.map_err(|fault| match fault {
        RedisError::Address(fault) => not_an_address(&fault).into(),
        _ => anyhow::Error::new(fault).context(NO_QUOTA).into(),
    })
}

fn not_an_address(fault: &str) -> ConfigError {
    let fault = format!("it is not \"embedded\", and as a Redis address it {fault}");
    ConfigError::wrong("quota.url", fault)
}
