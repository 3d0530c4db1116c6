use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{StoreError, Taken};
use crate::values::{
    BudgetName, IdempotencyKey, Identity, Registered, Registration, RequestId, ServiceType,
    TrainingReady, Use, UserId,
};

/// A request for a service, its places reserved.
#[derive(Debug, Clone)]
pub struct NewRegistration {
    /// Who asks, and with which account.
    pub identity: Identity,
    /// For what.
    pub service: ServiceType,
    /// The id of this request, on every message it causes.
    pub request_id: RequestId,
    /// Which of the person's uses it is, from 1.
    pub turn: u32,
    /// The reserved places: the day's first.
    pub places: Vec<Taken>,
    /// "of limit".
    pub limit: u32,
    /// The client's name for this attempt.
    pub attempt: Option<Attempt>,
    /// When it is made.
    pub at: DateTime<Utc>,
    /// When the person may ask again.
    pub cooldown_until: DateTime<Utc>,
}

/// An attempt that a client can repeat without having it happen twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The client's name for it.
    pub key: IdempotencyKey,
    /// Until when it is remembered, at least.
    pub remembered_until: DateTime<Utc>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestOutcome {
    /// Stored, with its outbox row.
    Registered,
    /// The same attempt was stored before, and answered this. Nothing was stored.
    Repeated(Registered),
    /// The person has used the service before in a way that stands against it: a running cooldown, or the same turn.
    /// Nothing was stored. The use says which.
    UsedBefore(Use),
    /// A place of that budget is another's. Nothing was stored; the counter must be restored from the record there.
    SeatTaken(SeatTaken),
}

/// Which place was another's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatTaken {
    /// Its budget.
    pub budget: BudgetName,
    /// Its seat.
    pub seat: u32,
}

/// What became of a ready message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishOutcome {
    /// Marked, and one notification put in the outbox.
    Finished,
    /// It was marked before; nothing has changed.
    AlreadyFinished,
    /// It names another request than the current one; nothing has changed.
    Superseded,
    /// There is no such registration: a delete job was put in the outbox, for the worker's data must not stay.
    NotRegistered,
}

/// A wish to be deleted.
#[derive(Debug, Clone)]
pub struct Deletion {
    /// Whose registration.
    pub user: UserId,
    /// For what.
    pub service: ServiceType,
    /// The id on the delete job.
    pub request_id: RequestId,
    /// When.
    pub at: DateTime<Utc>,
}

/// Whether others may use the result.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Whose registration.
    pub user: UserId,
    /// For what.
    pub service: ServiceType,
    /// They may.
    pub public: bool,
}

/// Registrations, each change in one transaction with the outbox rows it causes.
///
/// # Contract
/// 1. `request` stores the registration, the use, the places, the attempt and one `Train` outbox row, or nothing at all.
/// 2. A running cooldown or a turn already used answers `UsedBefore`, and an attempt that is remembered `Repeated`, before
///    anything else; also when two requests of one person race: one is stored.
/// 3. No two places of a budget and window share a seat: the second request answers `SeatTaken`.
/// 4. A person has at most one registration for a service. Asking anew after the cooldown replaces the request;
///    `ready` and `public` stay.
/// 5. `request` by somebody who is not in the store, or with an account that is not theirs, is `UnknownPerson`.
/// 6. `finish` is effective once for a request: the first marks it and puts one `Notify` row; a repetition changes nothing.
/// 7. `finish` without a request id finishes the current request; with another's than the current, nothing.
/// 8. `finish` for somebody who is not registered, or whom nobody knows, puts one `Delete` row.
/// 9. `delete` removes the registration and its unsent outbox rows and puts one `Delete` row; where there is no registration,
///    nothing. The use, its places and its attempt stay.
/// 10. `list` shows each change at once, in the order of service types.
#[async_trait]
pub trait Registrations: Send + Sync + 'static {
    /// The person's latest use of the service, while anything needs it.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn last_use(
        &self,
        user: UserId,
        service: &ServiceType,
    ) -> Result<Option<Use>, StoreError>;

    /// What an attempt of the person was answered, while it is remembered.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn answered(
        &self,
        user: UserId,
        service: &ServiceType,
        key: &IdempotencyKey,
    ) -> Result<Option<Registered>, StoreError>;

    /// Stores a request.
    ///
    /// # Errors
    /// [`StoreError::UnknownPerson`], or infrastructure.
    async fn request(&self, new: NewRegistration) -> Result<RequestOutcome, StoreError>;

    /// Marks a training as finished. `request_id` goes on the delete job where one is needed and the message has none.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn finish(
        &self,
        ready: &TrainingReady,
        request_id: RequestId,
        at: DateTime<Utc>,
    ) -> Result<FinishOutcome, StoreError>;

    /// Deletes a registration; answers whether there was one.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn delete(&self, deletion: Deletion) -> Result<bool, StoreError>;

    /// Sets whether others may use the result; `None` if there is no registration.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn set_public(
        &self,
        publication: Publication,
    ) -> Result<Option<Registration>, StoreError>;

    /// The person's registrations.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn list(&self, user: UserId) -> Result<Vec<Registration>, StoreError>;
}
