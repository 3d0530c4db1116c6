use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::ticketing::Ticketing;
use crate::{
    ports::{Accounts, OutboxEntry, StoreError, StoredAccount},
    sealing::SealingKeys,
    values::{
        AccountId, Catalogue, Credentials, JobTicket, QueueName, RequestId, ServiceType, Task,
        TaskKind,
    },
};

/// How a job lets a worker act for the account.
#[derive(Debug, Clone)]
pub enum JobAccess {
    /// It carries the credentials.
    Inline(Credentials),
    /// It carries a ticket, which a worker redeems for the credentials.
    Ticket(JobTicket),
}

/// A job for the workers, with all the data that they need.
#[derive(Debug, Clone)]
pub enum Job {
    /// Fetch the person's tweets and train.
    Train {
        /// The person's account.
        account: AccountId,
        /// The credentials for fetching, or the ticket for them.
        access: JobAccess,
        /// The service.
        service: ServiceType,
        /// The request that caused it.
        request_id: RequestId,
    },
    /// Tell the person.
    Notify {
        /// The person's account.
        account: AccountId,
        /// The credentials for posting, or the ticket for them.
        access: JobAccess,
        /// The text to post.
        message: String,
        /// The service.
        service: ServiceType,
        /// The request that caused it.
        request_id: RequestId,
    },
    /// Delete the results of a training.
    Delete {
        /// The person's account.
        account: AccountId,
        /// The service.
        service: ServiceType,
        /// The request that caused it.
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

/// The stored accounts, or why they cannot be read.
type FoundAccounts = HashMap<AccountId, Result<StoredAccount, String>>;

/// Makes jobs of outbox entries. Credentials or tickets are put in last, so that they are fresh, and credentials are stored in
/// one place only.
pub struct Dispatch {
    /// Services.
    pub catalogue: Arc<Catalogue>,
    /// People.
    pub accounts: Arc<dyn Accounts>,
    /// Opens the sealed credentials.
    pub keys: Arc<SealingKeys>,
    /// Issues the tickets that jobs carry; `None` if jobs carry the credentials.
    pub tickets: Option<Ticketing>,
}

impl Dispatch {
    /// Makes a job of each entry, in order. The accounts are looked up together.
    ///
    /// # Errors
    /// If the store fails in a way that may be transient. A corrupt account holds only its own entries.
    pub async fn prepare(
        &self,
        entries: &[OutboxEntry<Task>],
    ) -> Result<Vec<Prepared>, StoreError> {
        let needed = entries
            .iter()
            .filter(|entry| entry.content.kind != TaskKind::Delete);
        let needed: HashSet<AccountId> = needed.map(|entry| entry.content.account).collect();
        let found = self.find(needed.into_iter().collect()).await?;
        let job = |entry: &OutboxEntry<Task>| self.job(entry, found.get(&entry.content.account));
        let prepared = entries.iter().map(job).collect();
        match &self.tickets {
            None => Ok(prepared),
            Some(tickets) => by_reference(tickets, entries, prepared).await,
        }
    }

    /// The stored accounts. For an account that cannot be read, the reason.
    async fn find(&self, accounts: Vec<AccountId>) -> Result<FoundAccounts, StoreError> {
        if accounts.is_empty() {
            return Ok(FoundAccounts::new());
        }
        match self.accounts.accounts(&accounts).await {
            Ok(found) => Ok(found.into_iter().map(|it| (it.account, Ok(it))).collect()),
            Err(error) if error.is_transient() => Err(error),
            // One unreadable account must not stop the others.
            Err(_) => self.find_each(accounts).await,
        }
    }

    async fn find_each(&self, accounts: Vec<AccountId>) -> Result<FoundAccounts, StoreError> {
        let mut found = FoundAccounts::new();
        for account in accounts {
            match self.accounts.account(account).await {
                Ok(None) => {}
                Ok(Some(stored)) => drop(found.insert(account, Ok(stored))),
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => drop(found.insert(account, Err(error.to_string()))),
            }
        }
        Ok(found)
    }

    fn job(
        &self,
        entry: &OutboxEntry<Task>,
        stored: Option<&Result<StoredAccount, String>>,
    ) -> Prepared {
        let Task {
            kind,
            ref service,
            account,
        } = entry.content;
        let request_id = entry.request_id;
        let Some(offered) = self.catalogue.by_type(service) else {
            return Prepared::Hold(format!("the catalogue has no service {service}"));
        };
        let queues = &offered.queues;
        let service = service.clone();
        if kind == TaskKind::Delete {
            let job = Job::Delete {
                account,
                service,
                request_id,
            };
            return Prepared::Send(queues.delete.clone(), job);
        }
        let stored = match stored {
            None => return Prepared::Drop("the account no longer exists"),
            Some(Err(fault)) => return Prepared::Hold(fault.clone()),
            Some(Ok(stored)) => stored,
        };
        let credentials = match self.keys.open_credentials(account, &stored.credentials) {
            Ok(credentials) => credentials,
            Err(error) => return Prepared::Hold(error.to_string()),
        };
        let access = JobAccess::Inline(credentials);
        match kind {
            TaskKind::Notify => Prepared::Send(
                queues.notify.clone(),
                Job::Notify {
                    account,
                    access,
                    message: offered.notification.clone(),
                    service,
                    request_id,
                },
            ),
            TaskKind::Train | TaskKind::Delete => Prepared::Send(
                queues.train.clone(),
                Job::Train {
                    account,
                    access,
                    service,
                    request_id,
                },
            ),
        }
    }
}

impl Prepared {
    /// The access of a job that has one and is to be sent.
    const fn access(&mut self) -> Option<&mut JobAccess> {
        match self {
            Self::Send(_, Job::Train { access, .. } | Job::Notify { access, .. }) => Some(access),
            Self::Send(_, Job::Delete { .. }) | Self::Drop(_) | Self::Hold(_) => None,
        }
    }
}

/// Puts a fresh ticket in the place of the credentials of each job. A job that is sent again gets another one.
async fn by_reference(
    tickets: &Ticketing,
    entries: &[OutboxEntry<Task>],
    mut prepared: Vec<Prepared>,
) -> Result<Vec<Prepared>, StoreError> {
    let both = entries.iter().zip(&mut prepared);
    let (jobs, places): (Vec<_>, Vec<_>) = both
        .filter_map(|(entry, job)| Some(((&entry.content, entry.request_id), job.access()?)))
        .unzip();
    let issued = tickets.issue(jobs).await?;
    for (place, ticket) in places.into_iter().zip(issued) {
        *place = JobAccess::Ticket(ticket);
    }
    Ok(prepared)
}
