use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::values::{AccountId, Registration, RequestId, ServiceType, TaskKind, Use, UserId};

/// What a store has of the person who owns an account. It holds no credentials, sealed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRecord {
    /// The person.
    pub user: UserId,
    /// The account that was asked for.
    pub account: AccountId,
    /// The id of the key that the account's credentials are sealed with; `None` if they were erased.
    pub sealed_with: Option<String>,
    /// When the account signed in for the first time.
    pub signed_up_at: DateTime<Utc>,
    /// When the credentials were stored last; if they were erased, when that was.
    pub refreshed_at: DateTime<Utc>,
    /// The person's registrations, in the order of service types.
    pub registrations: Vec<RegistrationRecord>,
    /// The person's latest use of each service, in the order of service types, while anything needs it.
    pub uses: Vec<UseRecord>,
    /// The account's outbox rows, in the order in which they were put.
    pub outbox: Vec<OutboxRecord>,
}

/// A registration, with the data that its person does not see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationRecord {
    /// What the person sees.
    pub shown: Registration,
    /// When the latest request was made.
    pub requested_at: DateTime<Utc>,
    /// When its training was announced, or its deadline was restarted; `None` if no training runs.
    pub announced_at: Option<DateTime<Utc>>,
    /// How often its training was announced.
    pub announcements: u32,
    /// When a training finished last.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A person's latest use of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UseRecord {
    /// The service.
    pub service: ServiceType,
    /// The use.
    pub last: Use,
    /// Its request, if it is known.
    pub request_id: Option<RequestId>,
}

/// A row that waits in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRecord {
    /// Its number.
    pub id: i64,
    /// The kind of task.
    pub kind: TaskKind,
    /// The service.
    pub service: ServiceType,
    /// The request that caused it.
    pub request_id: RequestId,
    /// How often it was claimed.
    pub attempts: u32,
    /// When it was put.
    pub created_at: DateTime<Utc>,
    /// When it may be claimed.
    pub due_at: DateTime<Utc>,
    /// When it was set aside; `None` if it will be sent.
    pub set_aside_at: Option<DateTime<Utc>>,
}

/// What was removed of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// The person.
    pub user: UserId,
    /// The services of the registrations that were deleted, in order. Each has a `Delete` row in the outbox.
    pub registrations: Vec<ServiceType>,
    /// The number of `Train` and `Notify` rows that were withdrawn.
    pub withdrawn: u64,
    /// Whether credentials were erased; `false` if they had been erased before.
    pub erased: bool,
}

impl Forgotten {
    /// Whether anything was removed.
    #[must_use]
    pub const fn is_a_change(&self) -> bool {
        self.erased || self.withdrawn > 0 || !self.registrations.is_empty()
    }
}

/// People, for operators: what is known of one, and how one is forgotten.
///
/// # Contract
/// 1. `person` answers what is stored of the person who owns the account, each change immediately; an account that is
///    not in the store is `None`.
/// 2. `forget` deletes the person's registrations as [`Registrations::delete`](super::Registrations::delete) does, each
///    with one `Delete` row, in the order of service types; withdraws the `Train` and `Notify` rows of the person's accounts,
///    also those that were set aside; makes the [tickets](super::JobTickets) of the person's jobs void; and erases the
///    credentials of all of the person's accounts. All of it, or nothing. `Delete` rows stay.
/// 3. The account's id, the person's id, the uses and the places stay, so that a cooldown outlives it. Remembered
///    attempts go.
/// 4. Until the person signs in again, [`Accounts`](super::Accounts) answers as if the account had never signed in, and
///    needs no key for it; and `list`, `set_public`, `delete`, `request` and, if the person has a use, `last_use` of
///    [`Registrations`](super::Registrations) are [`StoreError::UnknownPerson`].
/// 5. A later sign-in has the same person, with fresh credentials. The cooldown still runs.
/// 6. To forget a person twice changes nothing the second time. An account that is not in the store is `None`.
#[async_trait]
pub trait People: Send + Sync + 'static {
    /// What is stored of the person who owns the account.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if a row of the account cannot be read, or infrastructure.
    async fn person(&self, account: AccountId) -> Result<Option<PersonRecord>, StoreError>;

    /// Removes what is stored of the person who owns the account.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn forget(
        &self,
        account: AccountId,
        at: DateTime<Utc>,
    ) -> Result<Option<Forgotten>, StoreError>;
}
