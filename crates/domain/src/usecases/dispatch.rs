use std::sync::Arc;

use crate::{
    ports::{Accounts, OutboxEntry, OutboxTask, StoreError},
    sealing::SealingKeys,
    values::{AccountId, Catalogue, Credentials, QueueName, RequestId},
};

/// A job for the workers, with all they need.
#[derive(Debug, Clone)]
pub enum Job {
    /// Fetch the person's tweets and train.
    Train {
        /// Whose.
        account: AccountId,
        /// To fetch with.
        credentials: Credentials,
        /// On account of which request.
        request_id: RequestId,
    },
    /// Tell the person.
    Notify {
        /// Whom.
        account: AccountId,
        /// To post with.
        credentials: Credentials,
        /// What to say.
        message: String,
        /// On account of which request.
        request_id: RequestId,
    },
    /// Delete what was trained.
    Delete {
        /// Whose.
        account: AccountId,
        /// On account of which request.
        request_id: RequestId,
    },
}

/// What to do with an outbox entry.
#[derive(Debug, Clone)]
pub enum Prepared {
    /// Send the job to the queue.
    Send(QueueName, Job),
    /// Never send it, for this reason.
    Drop(&'static str),
    /// It cannot be sent now, for this reason; try again later.
    Hold(String),
}

/// Makes jobs of outbox entries: credentials are put in last, so that they are fresh and rest in one place only.
pub struct Dispatch {
    /// Services.
    pub catalogue: Arc<Catalogue>,
    /// People.
    pub accounts: Arc<dyn Accounts>,
    /// Opens what is stored.
    pub keys: Arc<SealingKeys>,
}

impl Dispatch {
    /// Makes a job of an entry.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn prepare(&self, entry: &OutboxEntry) -> Result<Prepared, StoreError> {
        let Some(service) = self.catalogue.by_type(&entry.service) else {
            return Ok(Prepared::Hold(format!(
                "the catalogue has no service {}",
                entry.service
            )));
        };
        let (account, request_id) = (entry.account, entry.request_id);
        let queues = &service.queues;
        if entry.task == OutboxTask::Delete {
            let job = Job::Delete {
                account,
                request_id,
            };
            return Ok(Prepared::Send(queues.delete.clone(), job));
        }
        let Some(stored) = self.accounts.account(account).await? else {
            return Ok(Prepared::Drop("the account is gone"));
        };
        let credentials = match self.keys.open_credentials(account, &stored.credentials) {
            Ok(credentials) => credentials,
            Err(error) => return Ok(Prepared::Hold(error.to_string())),
        };
        Ok(match entry.task {
            OutboxTask::Notify => Prepared::Send(
                queues.notify.clone(),
                Job::Notify {
                    account,
                    credentials,
                    message: service.notification.clone(),
                    request_id,
                },
            ),
            OutboxTask::Train | OutboxTask::Delete => Prepared::Send(
                queues.train.clone(),
                Job::Train {
                    account,
                    credentials,
                    request_id,
                },
            ),
        })
    }
}
