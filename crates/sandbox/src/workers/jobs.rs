use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use lemon_consumer::{Handler, Malformed, Outcome};
use lemon_domain::{
    ports::{Outgoing, QueueError, TwitterError},
    traces::current_trace,
    values::{Credentials, InvalidValue, Provider, ProviderUserId},
    with_causes,
};
use parking_lot::{Mutex, MutexGuard};
use secrecy::SecretString;
use serde::de::DeserializeOwned;

use super::{
    WorkersConfig, WorkersPorts,
    credentials::CredentialsFault,
    messages::{DeleteJob, NotifyJob, PersonAccess, ReadyMessage, TrainJob},
};

/// The most pages that are read: X gives a person's latest 3,200 posts, <https://docs.x.com/x-api/users/get-posts>.
const MOST_PAGES: usize = 32;

/// Why a job failed.
#[derive(Debug, thiserror::Error)]
enum JobError {
    /// A retry would fail as well.
    #[error("the message is malformed")]
    Malformed,
    #[error("twitter refused the call")]
    Twitter(#[from] TwitterError),
    #[error("the ready message was not sent")]
    Queue(#[from] QueueError),
    #[error("there are no credentials for the job")]
    Credentials(#[from] CredentialsFault),
    #[error("the job has a ticket, and the workers have no key")]
    NoKey,
}

impl From<serde_json::Error> for JobError {
    /// The parser's message may quote a token.
    fn from(_: serde_json::Error) -> Self {
        Self::Malformed
    }
}

impl From<InvalidValue> for JobError {
    fn from(_: InvalidValue) -> Self {
        Self::Malformed
    }
}

impl JobError {
    /// Tells whether the same job may succeed later.
    const fn is_transient(&self) -> bool {
        match self {
            Self::Malformed
            | Self::Credentials(CredentialsFault::Gone | CredentialsFault::Refused(_)) => false,
            Self::Twitter(error) => error.is_transient(),
            // The ready queue may be repaired later; the training must not be lost.
            Self::Queue(_)
            | Self::Credentials(CredentialsFault::NotNow(_) | CredentialsFault::Unavailable)
            | Self::NoKey => true,
        }
    }

    /// The requested wait, if there is one.
    const fn wait(&self) -> Option<Duration> {
        match self {
            Self::Twitter(TwitterError::RateLimited { retry_after }) => Some(*retry_after),
            Self::Queue(QueueError::RateLimited { retry_after }) => *retry_after,
            _ => None,
        }
    }
}

/// The outcome of a job. No error contains a token.
fn outcome(done: Result<(), JobError>) -> Outcome {
    match done {
        // Without credentials because the ticket is gone: what is to be done comes in another job.
        Ok(()) | Err(JobError::Credentials(CredentialsFault::Gone)) => Outcome::Done,
        Err(error) if error.is_transient() => Outcome::Retry {
            after: error.wait(),
            reason: with_causes(&error),
        },
        Err(error) => Outcome::dead_letter(with_causes(&error)),
    }
}

/// Reads the person's posts, waits for the time of a training, and sends the ready message, in the trace of the job.
pub(super) struct Train(pub(super) Arc<Bench>);

#[async_trait]
impl Handler for Train {
    type Message = TrainJob;

    fn decode(&self, body: &str) -> Result<TrainJob, Malformed> {
        let mut job: TrainJob = read(body)?;
        job.body = body.into();
        Ok(job)
    }

    async fn handle(&self, job: &TrainJob) -> Outcome {
        outcome(self.0.train(job).await)
    }
}

/// Posts a notification as the person.
pub(super) struct Notify(pub(super) Arc<Bench>);

#[async_trait]
impl Handler for Notify {
    type Message = NotifyJob;

    fn decode(&self, body: &str) -> Result<NotifyJob, Malformed> {
        let mut job: NotifyJob = read(body)?;
        job.body = body.into();
        Ok(job)
    }

    async fn handle(&self, job: &NotifyJob) -> Outcome {
        outcome(self.0.notify(job).await)
    }
}

/// Deletes a person's data.
pub(super) struct Forget(pub(super) Arc<Bench>);

#[async_trait]
impl Handler for Forget {
    type Message = DeleteJob;

    fn decode(&self, body: &str) -> Result<DeleteJob, Malformed> {
        read(body)
    }

    async fn handle(&self, job: &DeleteJob) -> Outcome {
        outcome(self.0.forget(job))
    }
}

/// Executes jobs, and stores the results of trainings.
pub(super) struct Bench {
    config: WorkersConfig,
    pub(super) ports: WorkersPorts,
    trained: Mutex<BTreeMap<ProviderUserId, usize>>,
}

impl Bench {
    pub(super) fn new(config: WorkersConfig, ports: WorkersPorts) -> Self {
        Self {
            config,
            ports,
            trained: Mutex::default(),
        }
    }

    pub(super) fn trained(&self) -> BTreeMap<ProviderUserId, usize> {
        self.memory().clone()
    }

    /// Reads the person's posts, waits for the time of a training, and sends the ready message.
    async fn train(&self, job: &TrainJob) -> Result<(), JobError> {
        let person = job.user_id()?;
        let credentials = self.credentials(&job.access, &job.body).await?;
        let posts = self.count_posts(&credentials, person).await?;
        tokio::time::sleep(self.config.training).await;
        self.memory().insert(person, posts);
        self.send_ready(ReadyMessage {
            finished: "sandbox_train",
            oauth_user_id: person.get(),
            oauth_type: Provider::Twitter.as_str(),
            service_name: self.config.service_type.as_str(),
            request_id: job.request_id,
        })
        .await
    }

    /// Posts a notification as the person. If the text was posted before, an earlier attempt did so.
    async fn notify(&self, job: &NotifyJob) -> Result<(), JobError> {
        let credentials = self.credentials(&job.access, &job.body).await?;
        let twitter = &self.ports.twitter;
        match twitter.post_tweet(&credentials, &job.message).await {
            Ok(_) | Err(TwitterError::DuplicatePost) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The credentials that a job carries, or those for its ticket.
    async fn credentials(
        &self,
        access: &PersonAccess,
        body: &SecretString,
    ) -> Result<Credentials, JobError> {
        match access {
            PersonAccess::Inline {
                access_token,
                access_secret,
            } => Ok(Credentials::new(
                access_token.clone(),
                access_secret.clone(),
            )),
            PersonAccess::Ticket { .. } => {
                let call = self.ports.credentials.as_ref().ok_or(JobError::NoKey)?;
                Ok(call.redeem(body).await?)
            }
        }
    }

    /// Deletes a person's data.
    fn forget(&self, job: &DeleteJob) -> Result<(), JobError> {
        self.memory().remove(&job.user_id()?);
        Ok(())
    }

    async fn count_posts(
        &self,
        credentials: &Credentials,
        of: ProviderUserId,
    ) -> Result<usize, TwitterError> {
        let (mut posts, mut page) = (0, None);
        for _ in 0..MOST_PAGES {
            let twitter = &self.ports.twitter;
            let answer = twitter.tweets(credentials, of, page.as_deref()).await?;
            posts += answer.tweets.len();
            page = answer.next;
            if page.is_none() {
                break;
            }
        }
        Ok(posts)
    }

    async fn send_ready(&self, ready: ReadyMessage<'_>) -> Result<(), JobError> {
        let message = Outgoing {
            id: self.ports.ids.uuid(),
            body: serde_json::to_string(&ready)?,
            trace: current_trace(),
        };
        let queue = &self.ports.queue;
        let outcomes = queue.send(&self.config.ready, vec![message]).await;
        Ok(outcomes.into_iter().collect::<Result<(), QueueError>>()?)
    }

    fn memory(&self) -> MutexGuard<'_, BTreeMap<ProviderUserId, usize>> {
        self.trained.lock()
    }
}

/// The parser's message may quote a token.
fn read<T: DeserializeOwned>(body: &str) -> Result<T, Malformed> {
    serde_json::from_str(body).map_err(|_| Malformed::new("the message is malformed"))
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::*;

    fn outcome_of(status: u16) -> Outcome {
        let status = StatusCode::from_u16(status).unwrap();
        outcome(Err(CredentialsFault::of(status).into()))
    }

    #[test]
    fn a_job_waits_while_its_key_is_refused_or_its_call_may_be_repeated() {
        for status in [401, 408, 429, 500, 503] {
            let outcome = outcome_of(status);
            assert!(
                matches!(outcome, Outcome::Retry { .. }),
                "{status}: {outcome:?}"
            );
        }
        for status in [400, 404, 415] {
            let outcome = outcome_of(status);
            assert!(
                matches!(outcome, Outcome::DeadLetter { .. }),
                "{status}: {outcome:?}"
            );
        }
        assert!(matches!(outcome_of(410), Outcome::Done));
    }
}
