use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{StoreError, Taken};
use crate::values::{
    BudgetKey, BudgetName, Holder, IdempotencyKey, Identity, Registered, Registration, RequestId,
    Scope, ServiceType, TrainingReady, Turn, Use, UserId,
};

/// A reserved place that is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservedPlace {
    /// Its budget and window.
    pub key: BudgetKey,
    /// Its seat, from 1.
    pub seat: u32,
    /// How many units it takes.
    pub units: u32,
    /// The limit of the budget in the window, in units.
    pub limit: u32,
}

impl ReservedPlace {
    /// A place that a counter gave.
    #[must_use]
    pub fn new(taken: Taken) -> Self {
        Self {
            key: taken.state.key,
            seat: taken.seat,
            units: taken.units,
            limit: taken.state.limit,
        }
    }

    /// Whether the use takes one of the day's places, one unit each.
    #[must_use]
    pub fn is_of_the_day(&self) -> bool {
        self.key.budget == BudgetName::daily()
    }

    /// Whether it can be within the limit, whatever others have taken.
    ///
    /// In the day's budget each place takes one unit, so distinct seats within the limit are units within the limit. In
    /// another budget, the sum of the units decides.
    #[must_use]
    pub fn can_fit(&self) -> bool {
        if self.is_of_the_day() {
            self.units == 1 && self.seat <= self.limit
        } else {
            self.units <= self.limit
        }
    }
}

/// A request for a service, with its reserved places.
#[derive(Debug, Clone)]
pub struct NewRegistration {
    /// The caller: a person and their account.
    pub identity: Identity,
    /// The service.
    pub service: ServiceType,
    /// The id of this request, on every message that it causes.
    pub request_id: RequestId,
    /// The number of this use among the person's uses, from 1.
    pub turn: u32,
    /// The reserved places. The day's place comes first; the person is told its seat and limit.
    pub places: Vec<ReservedPlace>,
    /// The client's name for this attempt.
    pub attempt: Option<Attempt>,
    /// When it is made.
    pub at: DateTime<Utc>,
    /// When the person may ask again.
    pub cooldown_until: DateTime<Utc>,
}

impl NewRegistration {
    /// The holder that reserved the places, as [`Service::holder`](crate::values::Service::holder) names it.
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

/// An attempt that a client can repeat without a second effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The client's name for it.
    pub key: IdempotencyKey,
    /// Until when it is remembered, at least.
    pub remembered_until: DateTime<Utc>,
}

/// The result of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestOutcome {
    /// Stored, with its outbox row.
    Registered,
    /// The same attempt was stored before and got this answer. Nothing was stored.
    Repeated(Registered),
    /// An earlier use blocks this request: its cooldown is running, or it has this turn already. Nothing was stored.
    UsedBefore(Use),
    /// A place of that budget belongs to another holder, or is above the limit. Nothing was stored; the counter must be
    /// restored from the record there.
    SeatTaken(SeatTaken),
}

/// A place that cannot be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatTaken {
    /// Its budget.
    pub budget: BudgetName,
    /// Its seat.
    pub seat: u32,
}

/// The result of a ready message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishOutcome {
    /// Marked, and one notification put in the outbox.
    Finished {
        /// Whose training it was.
        user: UserId,
        /// The request that it finished.
        request_id: RequestId,
    },
    /// It was marked before; nothing has changed.
    AlreadyFinished,
    /// It names a request that is not the current one; nothing has changed.
    Superseded,
    /// There is no such registration: a delete job was put in the outbox, because the worker's data must not stay.
    NotRegistered,
}

/// A request to delete a registration.
#[derive(Debug, Clone)]
pub struct Deletion {
    /// The person.
    pub user: UserId,
    /// The service.
    pub service: ServiceType,
    /// When the person asks.
    pub at: DateTime<Utc>,
}

/// A request to let others use the result, or not.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The person.
    pub user: UserId,
    /// The service.
    pub service: ServiceType,
    /// Whether they may.
    pub public: bool,
}

/// Registrations. Each change is one transaction, with the outbox rows that it causes.
///
/// # Contract
/// 1. `request` stores the registration, the use, the places, the attempt and one `Train` outbox row, or nothing at all.
/// 2. A running cooldown or a turn that is already used answers `UsedBefore`, and a remembered attempt answers
///    `Repeated`, before anything else; also when two requests of one person race: one is stored.
/// 3. No two places of a budget and window share a seat, no seat of the day's budget is above its limit, and the units
///    of each further budget, also of one that services share, never add up to more than its limit: a request that
///    would break this rule answers `SeatTaken`.
/// 4. A person has at most one registration for a service. Asking again after the cooldown replaces the request;
///    `ready` and `public` stay.
/// 5. `request` by a person who is not in the store, or with another person's account, is `UnknownPerson`.
/// 6. `finish` takes effect once for a request: the first call marks it and puts one `Notify` row; a repetition changes
///    nothing. If the request was announced again and that `Train` row is still there, it is withdrawn, because the
///    training is already finished. If that row was claimed, it may be in flight: the `Notify` row is not due before
///    the row's lease, or its postponement, is over.
/// 7. `finish` without a request id finishes the current request; with an id that is not the current one, it finishes
///    nothing.
/// 8. `finish` for a person who is not registered or not known puts one `Delete` row. It has the request id of the
///    message; else that of the account's latest request for the service, while it is known; else the given one. If it
///    races with a request of the same person, the `Delete` row is put before the request's `Train` row.
/// 9. `delete` removes the registration, withdraws its `Train` and `Notify` rows, and puts one `Delete` row with the
///    request id of the registration; if there is no registration, it does nothing. A withdrawn row that was claimed,
///    here or by `finish`, may be in flight: the `Delete` row is not due before its lease, or its postponement, is
///    over. The use, its places and its attempt stay.
/// 10. `list` shows each change immediately, in the order of service types. `state` is that of the latest request.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Registrations: Send + Sync + 'static {
    /// The person's latest use of the service, while anything needs it.
    ///
    /// # Errors
    /// [`StoreError::UnknownPerson`] if the person was [forgotten](super::People::forget), or infrastructure.
    async fn last_use(
        &self,
        user: UserId,
        service: &ServiceType,
    ) -> Result<Option<Use>, StoreError>;

    /// The answer to an attempt of the person, while it is remembered.
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

    /// Marks a training as finished. The delete job gets `request_id` if one is needed and no other id is known.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn finish(
        &self,
        ready: &TrainingReady,
        request_id: RequestId,
        at: DateTime<Utc>,
    ) -> Result<FinishOutcome, StoreError>;

    /// Deletes a registration; answers its latest request, or `None` if there was none.
    ///
    /// # Errors
    /// [`StoreError::UnknownPerson`] if the person was [forgotten](super::People::forget), or infrastructure.
    async fn delete(&self, deletion: Deletion) -> Result<Option<RequestId>, StoreError>;

    /// Sets whether others may use the result; `None` if there is no registration.
    ///
    /// # Errors
    /// [`StoreError::UnknownPerson`] if the person was [forgotten](super::People::forget), or infrastructure.
    async fn set_public(
        &self,
        publication: Publication,
    ) -> Result<Option<Registration>, StoreError>;

    /// The person's registrations.
    ///
    /// # Errors
    /// [`StoreError::UnknownPerson`] if the person was [forgotten](super::People::forget), or infrastructure.
    async fn list(&self, user: UserId) -> Result<Vec<Registration>, StoreError>;
}
