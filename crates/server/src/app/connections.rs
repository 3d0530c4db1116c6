use std::{future::Future, num::NonZeroUsize, path::Path, pin::Pin, sync::Arc, time::Duration};

use anyhow::Context;
use lemon_domain::{
    ports::{Clock, IdSource, JobQueue, MAX_RECEIVES, QuotaCounter},
    values::Catalogue,
};
use lemon_embedded::{EmbeddedJobQueue, EmbeddedQueueConfig, EmbeddedQuotaCounter};
use lemon_postgres::{PostgresError, SqlStore, StoreConfig};
use lemon_redis::{RedisConfig, RedisError, RedisQuotaCounter};
use lemon_sqs::{SqsConfig, SqsJobQueue, SqsQueues};
use lemon_system::files::make_private_folder;
use secrecy::{ExposeSecret, SecretString};

use super::StartError;
use crate::config::{ConfigError, EMBEDDED, QueueSettings, QuotaSettings, SQS, StoreSettings};

/// Returns with the cause when the disk of a part can no longer be written; never returns for a server.
pub(crate) type Failure = Pin<Box<dyn Future<Output = String> + Send>>;

const NO_QUEUE: &str = "the job queue cannot be used";
const NO_QUOTA: &str = "the quota counter cannot be used";

/// Makes the data folder for a database: it may be missing, because the keys are not always stored in it.
fn make(data_dir: &Path) -> anyhow::Result<()> {
    make_private_folder(data_dir)
        .with_context(|| format!("the data folder {} cannot be used", data_dir.display()))
}

/// Checks what can be checked of the store, the counter and the queue without a connection.
pub(crate) fn check(
    store: &StoreSettings,
    quota: &QuotaSettings,
    queue: &QueueSettings,
) -> Result<(), StartError> {
    if let Some(url) = store.address()
        && !url.expose_secret().starts_with("sqlite://")
        && !store.is_postgresql()
    {
        let fault = "it is neither \"embedded\" nor sqlite://… nor postgres://…";
        return Err(ConfigError::wrong("store.url", fault).into());
    }
    // Its address has nothing to do with names.
    let names = configured(store, SecretString::default()).check();
    if let Err(PostgresError::ApplicationName(fault)) = names {
        return Err(ConfigError::wrong("store.application_name", fault).into());
    }
    if let Some(url) = quota.address() {
        redis(quota, url, false).check().map_err(no_counter)?;
    }
    if [EMBEDDED, SQS].contains(&queue.url()) {
        Ok(())
    } else {
        Err(neither())
    }
}

/// Connects to the user store.
pub(crate) async fn store(
    settings: &StoreSettings,
    data_dir: &Path,
) -> Result<SqlStore, StartError> {
    let url = if let Some(url) = settings.address() {
        url.clone()
    } else {
        make(data_dir)?;
        SecretString::from(format!("sqlite://{}", data_dir.join("lemon.db").display()))
    };
    Ok(SqlStore::connect(&configured(settings, url))
        .await
        .context("the store cannot be used")?)
}

fn configured(settings: &StoreSettings, url: SecretString) -> StoreConfig {
    StoreConfig::new(url)
        .with_max_connections(settings.max_connections)
        .with_deadline(Duration::from_millis(settings.deadline_ms))
        .with_application_name(&settings.application_name)
}

/// Connects to the quota counter.
pub(crate) async fn quota(
    settings: &QuotaSettings,
    data_dir: &Path,
    catalogue: &Catalogue,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<dyn QuotaCounter>, StartError> {
    let (counter, _disk) = quota_and_disk(settings, data_dir, catalogue, clock).await?;
    Ok(counter)
}

/// Connects to the quota counter; the second answer completes when its disk fails.
pub(crate) async fn quota_and_disk(
    settings: &QuotaSettings,
    data_dir: &Path,
    catalogue: &Catalogue,
    clock: &Arc<dyn Clock>,
) -> Result<(Arc<dyn QuotaCounter>, Failure), StartError> {
    let Some(url) = settings.address() else {
        make(data_dir)?;
        let counter = EmbeddedQuotaCounter::open(&data_dir.join("quota.db"), Arc::clone(clock))
            .context(NO_QUOTA)?;
        let counter = Arc::new(counter);
        let disk = Arc::clone(&counter);
        return Ok((counter, Box::pin(async move { disk.failed().await })));
    };
    let counter = RedisQuotaCounter::connect(&redis(settings, url, catalogue.shares()))
        .await
        .map_err(no_counter)?;
    Ok((Arc::new(counter), never()))
}

/// One step takes from a shared budget and from a service's own. In a cluster their keys must be in one slot for that.
fn redis(settings: &QuotaSettings, url: &SecretString, is_one_slot: bool) -> RedisConfig {
    RedisConfig::new(url.clone())
        // A pool size of 0 is refused at the start.
        .with_pool_size(NonZeroUsize::new(settings.pool_size).unwrap_or(NonZeroUsize::MIN))
        .with_deadline(Duration::from_millis(settings.deadline_ms))
        .with_key_prefix(settings.key_prefix.clone())
        .with_one_slot(is_one_slot)
}

fn no_counter(fault: RedisError) -> StartError {
    match fault {
        RedisError::Address(fault) => {
            let fault = format!("it is not \"embedded\", and as a Redis address it {fault}");
            ConfigError::wrong("quota.url", fault).into()
        }
        RedisError::KeyPrefix => ConfigError::wrong("quota.key_prefix", fault).into(),
        _ => anyhow::Error::new(fault).context(NO_QUOTA).into(),
    }
}

/// Connects to the job queue, and checks that its queues exist.
pub(crate) async fn queue(
    settings: &QueueSettings,
    data_dir: &Path,
    catalogue: &Catalogue,
    clock: &Arc<dyn Clock>,
    ids: &Arc<dyn IdSource>,
) -> Result<Arc<dyn JobQueue>, StartError> {
    let (queue, _disk) = queue_and_disk(settings, data_dir, catalogue, clock, ids).await?;
    Ok(queue)
}

/// Connects to the job queue, and checks that its queues exist; the second answer completes when its disk fails.
pub(crate) async fn queue_and_disk(
    settings: &QueueSettings,
    data_dir: &Path,
    catalogue: &Catalogue,
    clock: &Arc<dyn Clock>,
    ids: &Arc<dyn IdSource>,
) -> Result<(Arc<dyn JobQueue>, Failure), StartError> {
    match settings.url() {
        EMBEDDED => {
            make(data_dir)?;
            let config = EmbeddedQueueConfig::new(data_dir.join("queue.db"), catalogue.queues())
                .with_visibility(Duration::from_secs(settings.visibility_seconds))
                .with_max_receives(MAX_RECEIVES);
            let queue = EmbeddedJobQueue::open(&config, Arc::clone(clock), Arc::clone(ids))
                .context(NO_QUEUE)?;
            let queue = Arc::new(queue);
            let disk = Arc::clone(&queue);
            Ok((queue, Box::pin(async move { disk.failed().await })))
        }
        SQS => {
            let queue = SqsJobQueue::connect(&sqs(settings))
                .await
                .context(NO_QUEUE)?;
            let consumed = catalogue.ready_queues();
            let sent_to: Vec<_> = catalogue.queues().difference(&consumed).cloned().collect();
            let consumed: Vec<_> = consumed.into_iter().collect();
            queue.check(&sent_to, &consumed).await.context(NO_QUEUE)?;
            Ok((Arc::new(queue), never()))
        }
        _ => Err(neither()),
    }
}

/// Connects to SQS to manage the queues, for an operator.
pub(crate) async fn queues(settings: &QueueSettings) -> Result<SqsQueues, StartError> {
    match settings.url() {
        EMBEDDED => {
            let fault = "embedded queues need no looking after, and are the running program's alone: \
                         for this command it is \"sqs\"";
            Err(ConfigError::wrong("queue.url", fault).into())
        }
        SQS => Ok(SqsQueues::connect(&sqs(settings)).await.context(NO_QUEUE)?),
        _ => Err(neither()),
    }
}

/// The settings with which a queue is made.
pub(crate) fn queue_settings(settings: &QueueSettings) -> lemon_sqs::SqsQueueSettings {
    lemon_sqs::SqsQueueSettings::default()
        .with_visibility(Duration::from_secs(settings.visibility_seconds))
        .with_max_receives(MAX_RECEIVES)
}

fn sqs(settings: &QueueSettings) -> SqsConfig {
    SqsConfig::default()
        .with_deadline(Duration::from_millis(settings.deadline_ms))
        .with_visibility(Duration::from_secs(settings.visibility_seconds))
}

fn never() -> Failure {
    Box::pin(std::future::pending())
}

fn neither() -> StartError {
    ConfigError::wrong("queue.url", "it is neither \"embedded\" nor \"sqs\"").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_postgresql_would_cut_off_is_refused_by_its_key() {
        let named = |application_name: String| {
            let store = StoreSettings {
                application_name,
                ..StoreSettings::default()
            };
            check(&store, &QuotaSettings::default(), &QueueSettings::default())
        };
        assert!(named("n".repeat(63)).is_ok());
        let refused = named("n".repeat(64)).unwrap_err();
        assert!(matches!(refused, StartError::Config(_)), "{refused:?}");
        let line = refused.to_string();
        assert!(line.contains("store.application_name"), "{line}");
    }
}
