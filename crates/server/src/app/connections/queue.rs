use std::{
    env,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow};
use lemon_domain::{
    ports::{Clock, IdSource, JobQueue, MAX_RECEIVES, QueueKeeping},
    sealing::SealingKeys,
    values::Catalogue,
};
use lemon_embedded::{EmbeddedError, EmbeddedJobQueue, EmbeddedQueueConfig};
use lemon_sqs::{SqsConfig, SqsJobQueue, SqsQueueSettings, SqsQueues};

use super::{Failure, make, never};
use crate::{
    app::StartError,
    config::{ConfigError, EMBEDDED, QueueSettings, SQS, check_aws},
};

/// When sealing keys are required.
const SEALED: &str = "because the messages in embedded queues are sealed";

const NO_QUEUE: &str = "the job queue cannot be used";

/// The job queue, as it was configured.
pub(crate) struct QueuePlan {
    /// SQS; `None` for the queues in the data folder.
    sqs: Option<SqsConfig>,
    folder: PathBuf,
    visibility: Duration,
    /// For what is in the data folder.
    keys: Option<Arc<SealingKeys>>,
}

impl QueuePlan {
    pub(crate) fn new(settings: &QueueSettings, data_dir: &Path) -> Result<Self, ConfigError> {
        let sqs = match settings.url() {
            EMBEDDED => None,
            SQS => {
                check_aws(env::vars_os())?;
                let config = SqsConfig::default()
                    .with_deadline(Duration::from_millis(settings.deadline_ms))
                    .with_visibility(settings.visibility());
                Some(config)
            }
            _ => {
                let fault = "it is neither \"embedded\" nor \"sqs\"";
                return Err(ConfigError::wrong("queue.url", fault));
            }
        };
        Ok(Self {
            sqs,
            folder: data_dir.to_owned(),
            visibility: settings.visibility(),
            keys: None,
        })
    }

    /// With keys for the messages in the data folder.
    pub(crate) fn with_keys(self, keys: Arc<SealingKeys>) -> Self {
        let keys = Some(keys);
        Self { keys, ..self }
    }

    /// Tells whether only this process uses the queues.
    pub(crate) const fn is_embedded(&self) -> bool {
        self.sqs.is_none()
    }

    /// The name in the configuration.
    pub(crate) const fn name(&self) -> &'static str {
        if self.is_embedded() { EMBEDDED } else { SQS }
    }

    /// How long a received message is hidden.
    pub(crate) const fn visibility(&self) -> Duration {
        self.visibility
    }

    /// Connects, and checks that the queues exist; the second answer completes when the disk of the queue fails.
    pub(crate) async fn connect(
        &self,
        catalogue: &Catalogue,
        clock: &Arc<dyn Clock>,
        ids: &Arc<dyn IdSource>,
    ) -> Result<(Arc<dyn JobQueue>, Failure), StartError> {
        if let Some(sqs) = &self.sqs {
            let queue = connected(sqs, catalogue).await?;
            return Ok((Arc::new(queue), never()));
        }
        make(&self.folder)?;
        let queue = self.open(catalogue, clock, ids)?;
        let queue = Arc::new(queue.map_err(refused)?);
        let disk = Arc::clone(&queue);
        Ok((queue, Box::pin(async move { disk.failed().await })))
    }

    /// Checks that [`connect`](Self::connect) would succeed. An embedded file stays as it is.
    pub(crate) async fn check(
        &self,
        catalogue: &Catalogue,
        ids: &Arc<dyn IdSource>,
    ) -> Result<(), StartError> {
        if let Some(sqs) = &self.sqs {
            return connected(sqs, catalogue).await.map(drop);
        }
        make(&self.folder)?;
        let (file, keys) = (self.embedded(catalogue), self.keys()?);
        EmbeddedJobQueue::check(&file, keys, Arc::clone(ids)).map_err(refused)
    }

    /// Connects to SQS to make the queues, for an operator.
    pub(crate) async fn manage(&self) -> Result<SqsQueues, StartError> {
        let Some(sqs) = &self.sqs else {
            let fault = "the program makes embedded queues itself: this command needs \"sqs\"";
            return Err(ConfigError::wrong("queue.url", fault).into());
        };
        Ok(SqsQueues::connect(sqs).await.context(NO_QUEUE)?)
    }

    /// Connects to look after the queues and their dead letters, for an operator. Makes nothing.
    pub(crate) async fn keep(
        &self,
        catalogue: &Catalogue,
        clock: &Arc<dyn Clock>,
        ids: &Arc<dyn IdSource>,
    ) -> Result<Arc<dyn QueueKeeping>, StartError> {
        if self.sqs.is_some() {
            return Ok(Arc::new(self.manage().await?));
        }
        let config = self.embedded(catalogue);
        if !config.path.exists() {
            let error = anyhow!(
                "there are no embedded queues yet: {} does not exist",
                config.path.display()
            );
            return Err(error.into());
        }
        match self.open(catalogue, clock, ids)? {
            Ok(queue) => Ok(Arc::new(queue)),
            Err(error @ EmbeddedError::InUse { .. }) => {
                let error = anyhow::Error::new(error).context(
                    "the embedded queues belong to the program that is running with this data folder: stop it first",
                );
                Err(error.into())
            }
            Err(error) => Err(refused(error)),
        }
    }

    fn open(
        &self,
        catalogue: &Catalogue,
        clock: &Arc<dyn Clock>,
        ids: &Arc<dyn IdSource>,
    ) -> Result<Result<EmbeddedJobQueue, EmbeddedError>, ConfigError> {
        let (file, keys) = (self.embedded(catalogue), self.keys()?);
        let (clock, ids) = (Arc::clone(clock), Arc::clone(ids));
        Ok(EmbeddedJobQueue::open(&file, keys, clock, ids))
    }

    fn keys(&self) -> Result<Arc<SealingKeys>, ConfigError> {
        let keys = self.keys.clone();
        keys.ok_or_else(|| ConfigError::missing("store.sealing_keys", SEALED))
    }

    /// The queues in the data folder.
    fn embedded(&self, catalogue: &Catalogue) -> EmbeddedQueueConfig {
        EmbeddedQueueConfig::new(self.folder.join("queue.db"), catalogue.queues())
            .with_visibility(self.visibility)
            .with_max_receives(MAX_RECEIVES)
    }

    /// The settings with which a queue is made.
    pub(crate) fn settings(&self) -> SqsQueueSettings {
        SqsQueueSettings::default()
            .with_visibility(self.visibility)
            .with_max_receives(MAX_RECEIVES)
    }
}

/// Connects, and checks that the queues exist.
async fn connected(sqs: &SqsConfig, catalogue: &Catalogue) -> Result<SqsJobQueue, StartError> {
    let queue = SqsJobQueue::connect(sqs).await.context(NO_QUEUE)?;
    let consumed = catalogue.ready_queues();
    let sent_to: Vec<_> = catalogue.queues().difference(&consumed).cloned().collect();
    let consumed: Vec<_> = consumed.into_iter().collect();
    queue.check(&sent_to, &consumed).await.context(NO_QUEUE)?;
    Ok(queue)
}

fn refused(error: EmbeddedError) -> StartError {
    match error {
        EmbeddedError::LacksKeys { key_ids, .. } => {
            let fault = format!(
                "it lacks the key(s) {}, with which queued messages are sealed",
                key_ids.join(", ")
            );
            ConfigError::wrong("store.sealing_keys", fault).into()
        }
        error => anyhow::Error::new(error).context(NO_QUEUE).into(),
    }
}
