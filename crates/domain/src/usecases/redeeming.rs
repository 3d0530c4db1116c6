use std::sync::Arc;

use crate::{
    ports::{Accounts, Clock, JobTickets, StoreError, TicketClaim, TicketOutcome},
    sealing::{OpenError, SealingKeys},
    values::{AccountId, Credentials, JobTicket, RequestId, ServiceType, TaskKind},
};

/// Why a worker gets no credentials for a job.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedeemError {
    /// There is no such ticket, or it is another job's.
    #[error("no such ticket was issued for the job")]
    Unknown,
    /// The job is not to be done any more.
    #[error("the job is not to be done any more")]
    Void,
    /// The ticket's lifetime is over. If the job is still to be done, it is sent again with a fresh ticket.
    #[error("the ticket has expired")]
    Expired,
    /// The job has redeemed its ticket as often as it may. If it is still to be done, it is sent again with a fresh ticket.
    #[error("the ticket is used up")]
    Used,
    /// The credentials do not open.
    #[error("the credentials cannot be opened")]
    Sealed(#[from] OpenError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A ticket that was redeemed.
#[derive(Debug, Clone)]
pub struct RedeemedTicket {
    /// The account.
    pub account: AccountId,
    /// The service that the job is for.
    pub service: ServiceType,
    /// The credentials of the account's latest sign-in.
    pub credentials: Credentials,
    /// How often the ticket was redeemed, this time included.
    pub redemptions: u32,
}

/// What a worker redeems: a ticket, in the name of a job.
#[derive(Debug, Clone)]
pub struct TicketOfJob {
    /// The ticket.
    pub ticket: JobTicket,
    /// What the job is to do.
    pub kind: TaskKind,
    /// The job's request id.
    pub request_id: RequestId,
}

/// Gives workers the credentials for a job.
pub struct Redeeming {
    /// Tickets.
    pub tickets: Arc<dyn JobTickets>,
    /// People.
    pub accounts: Arc<dyn Accounts>,
    /// Opens the sealed credentials.
    pub keys: Arc<SealingKeys>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Redeeming {
    /// The credentials of the account that the job is about, as fresh as the store has them.
    ///
    /// # Errors
    /// As [`RedeemError`] says. After a failure of the store the same job may redeem its ticket again.
    pub async fn redeem(&self, of_job: &TicketOfJob) -> Result<RedeemedTicket, RedeemError> {
        let claim = TicketClaim {
            digest: of_job.ticket.digest(),
            kind: of_job.kind,
            request_id: of_job.request_id,
            at: self.clock.now(),
        };
        let (account, service, redemptions) = match self.tickets.redeem(&claim).await? {
            TicketOutcome::Granted {
                account,
                service,
                redemptions,
            } => (account, service, redemptions),
            TicketOutcome::Unknown => return Err(RedeemError::Unknown),
            TicketOutcome::Void => return Err(RedeemError::Void),
            TicketOutcome::Expired => return Err(RedeemError::Expired),
            TicketOutcome::Used => return Err(RedeemError::Used),
        };
        // Forgotten since the ticket was redeemed.
        let stored = self.accounts.account(account).await?;
        let stored = stored.ok_or(RedeemError::Void)?;
        let credentials = self.keys.open_credentials(account, &stored.credentials)?;
        Ok(RedeemedTicket {
            account,
            service,
            credentials,
            redemptions,
        })
    }
}
