use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{StoreError, Taken};
use crate::values::{
    BudgetKey, BudgetName, Holder, IdempotencyKey, Identity, Registered, Registration, RequestId,
    Scope, ServiceType, TrainingReady, Turn, Use, UserId,
};

/// A place that was reserved, to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservedPlace {
    /// In which budget and window.
    pub key: BudgetKey,
    /// Which, from 1.
    pub seat: u32,
    /// How many units it takes.
    pub units: u32,
    /// Units of the budget in the window.
    pub limit: u32,
}

impl ReservedPlace {
    /// What a counter gave.
    #[must_use]
    pub fn new(taken: Taken) -> Self {
        Self {
            key: taken.state.key,
            seat: taken.seat,
            units: taken.units,
            limit: taken.state.limit,
        }
    }

    /// The use takes one of the day's places, one unit each.
    #[must_use]
    pub fn is_of_the_day(&self) -> bool {
        self.key.budget == BudgetName::daily()
    }

    /// It can be within the limit, whatever others have taken.
    ///
    /// Of the day's budget, where each place takes one unit, distinct seats within the limit are units within the limit. Of
    /// another, the sum of the units decides.
    #[must_use]
    pub fn can_fit(&self) -> bool {
        if self.is_of_the_day() {
            self.units == 1 && self.seat <= self.limit
        } else {
            self.units <= self.limit
        }
    }
}

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
    /// The reserved places: the day's first, which with its limit is what the person is told.
    pub places: Vec<ReservedPlace>,
    /// The client's name for this attempt.
    pub attempt: Option<Attempt>,
    /// When it is made.
    pub at: DateTime<Utc>,
    /// When the person may ask again.
    pub cooldown_until: DateTime<Utc>,
}

impl NewRegistration {
    /// In whose name the places are reserved, as [`Service::holder`](crate::values::Service::holder) says.
    #[must_use]
    pub fn holder(&self) -> Holder {
        let turn = Turn {
            user: self.identity.user,
            number: self.turn,
        };
        let shared = Scope::shared();
        if self.places.iter().any(|place| place.key.scope == shared) {
            turn.holder_of(&self.service)
        } else {
            turn.holder()
        }
    }
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
    /// An earlier use blocks this request: its cooldown is running, or it has this turn already. Nothing was stored.
    UsedBefore(Use),
    /// A place of that budget is another's, or above the limit. Nothing was stored; the counter must be restored from the
    /// record there.
    SeatTaken(SeatTaken),
}

/// Which place cannot be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatTaken {
    /// Of which budget.
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
/// 3. No two places of a budget and window share a seat, no seat of the day's budget is above its limit, and the units of each
///    further budget, also of one that services share, never add up to more than its limit: the request that would answers
///    `SeatTaken`.
/// 4. A person has at most one registration for a service. Asking again after the cooldown replaces the request;
///    `ready` and `public` stay.
/// 5. `request` by somebody who is not in the store, or with an account that is not theirs, is `UnknownPerson`.
/// 6. `finish` is effective once for a request: the first marks it and puts one `Notify` row; a repetition changes nothing.
///    A `Train` row by which the request was announced again and that is still there is withdrawn: nobody trains for what is
///    ready. If that row was claimed, it may just be being sent: the `Notify` row is not due before its lease, or what it was
///    postponed by, is over.
/// 7. `finish` without a request id finishes the current request; with another's than the current, nothing.
/// 8. `finish` for somebody who is not registered, or whom nobody knows, puts one `Delete` row. It has the request id of the
///    message; else that of the account's latest request for the service, while it is known; else the one given. Beside a
///    request of the same person, the `Delete` row is put before the request's `Train` row.
/// 9. `delete` removes the registration, withdraws its `Train` and `Notify` rows, and puts one `Delete` row with the request id
///    of the registration; where there is no registration, nothing. A withdrawn row that was claimed, here or by `finish`,
///    may just be being sent: the `Delete` row is not due before its lease, or what it was postponed by, is over. The use,
///    its places and its attempt stay.
/// 10. `list` shows each change at once, in the order of service types. `state` is that of the latest request.
#[cfg_attr(feature = "mock", mockall::automock)]
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

    /// Marks a training as finished. `request_id` goes on the delete job where one is needed and no other is known.
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
