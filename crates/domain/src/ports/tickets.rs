use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{MAX_RECEIVES, StoreError};
use crate::values::{AccountId, RequestId, ServiceType, Task, TaskKind, TicketDigest};

/// How often a job may redeem its ticket: as often as a queue delivers a message before it gives the message up.
pub const MAX_REDEMPTIONS: u32 = MAX_RECEIVES;

/// How long a ticket is remembered after its lifetime: a message is kept for at most 14 days, and then as a dead letter for
/// at most 14 days more.
pub const TICKET_MEMORY: Duration = Duration::from_secs(28 * 24 * 60 * 60);

/// A ticket to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTicket {
    /// Names the ticket.
    pub digest: TicketDigest,
    /// What its job is to do, and for which account.
    pub task: Task,
    /// The request that caused the job.
    pub request_id: RequestId,
    /// When it is issued.
    pub issued_at: DateTime<Utc>,
    /// From this instant on it cannot be redeemed.
    pub expires_at: DateTime<Utc>,
}

/// A worker's claim on the credentials for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TicketClaim {
    /// Names the ticket.
    pub digest: TicketDigest,
    /// What the worker's job is to do.
    pub kind: TaskKind,
    /// The request id of the worker's job.
    pub request_id: RequestId,
    /// When it is made.
    pub at: DateTime<Utc>,
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TicketOutcome {
    /// The worker may have the account's credentials.
    Granted {
        /// The account.
        account: AccountId,
        /// The service that the job is for.
        service: ServiceType,
        /// How often the ticket was redeemed, this time included.
        redemptions: u32,
    },
    /// There is no such ticket, or it is another job's.
    Unknown,
    /// Its job is not to be done any more: the training has ended or was replaced, or the person was forgotten.
    Void,
    /// Its lifetime is over.
    Expired,
    /// The job has redeemed it as often as it may.
    Used,
}

/// The tickets that jobs carry instead of credentials.
///
/// A ticket is for a single job. *The same job* may redeem it again within its lifetime, because a queue delivers a job again if
/// a worker dies or does not get the answer.
///
/// # Contract
/// 1. `issue` stores all of the tickets, or none. It leaves out those of an account that has no credentials.
/// 2. `redeem` grants a ticket to the job that it was issued for, by kind and request id. To any other job it is
///    [`TicketOutcome::Unknown`], as a ticket that was never issued is, and stays as it is.
/// 3. From `expires_at` on it is [`TicketOutcome::Expired`].
/// 4. It is granted at most [`MAX_REDEMPTIONS`] times, also to concurrent claims, each with a number of its own; after that it
///    is [`TicketOutcome::Used`].
/// 5. The ticket of a training is [`TicketOutcome::Void`] unless the training of its request runs.
/// 6. The tickets of a person who was [forgotten](super::People::forget) are [`TicketOutcome::Void`], also after the person has
///    signed in again.
/// 7. No job is lost: the first claim to which a ticket is expired or used puts its task in the outbox again, in the same
///    transaction, unless a row of the same task and request waits there. Later claims put nothing. A notification is put again
///    only while there is a registration of its request; who deletes that withdraws it.
/// 8. [`Housekeeping`](super::Housekeeping) removes a ticket [`TICKET_MEMORY`] after `expires_at`.
#[async_trait]
pub trait JobTickets: Send + Sync + 'static {
    /// Stores tickets.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn issue(&self, tickets: &[NewTicket]) -> Result<(), StoreError>;

    /// Redeems a ticket.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if its row cannot be read, or infrastructure. It may be redeemed then; the job may redeem it again.
    async fn redeem(&self, claim: &TicketClaim) -> Result<TicketOutcome, StoreError>;
}
