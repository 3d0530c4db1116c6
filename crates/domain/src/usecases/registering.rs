use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use super::{Quotas, QuotasError};
use crate::{
    ports::{
        Clock, Deletion, IdSource, NewRegistration, Publication, Registrations, RequestOutcome,
        StoreError, Taken,
    },
    values::{
        Budget, BudgetKey, Holder, IdempotencyKey, Identity, Registration, RequestId, Service, Use,
        UserId, Window,
    },
};

/// How often a request may be overtaken before it gives up.
const MAX_ATTEMPTS: usize = 5;

/// "Today's n-th of limit."
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registered {
    /// The n-th.
    pub position: u32,
    /// Of limit.
    pub limit: u32,
}

/// How many of the day's places are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Availability {
    /// A request now would find a place.
    pub can_use: bool,
    /// Places taken today, at most the limit.
    pub taken: u32,
    /// Places a day.
    pub limit: u32,
    /// Today.
    pub window: Window,
}

/// Why a request was not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The person's cooldown runs.
    #[error("the cooldown runs until {until}")]
    CooldownActive {
        /// Until when.
        until: DateTime<Utc>,
    },
    /// A budget has too little left.
    #[error("the {} quota is exhausted", key.budget)]
    QuotaExhausted {
        /// Which; its window says until when.
        key: BudgetKey,
        /// Its limit.
        limit: u32,
    },
    /// The person is not in the store, or the account is not theirs.
    #[error("no such person")]
    UnknownPerson,
    /// The request was overtaken too often.
    #[error("the request was overtaken too often")]
    Contended,
    /// The quota cannot be told.
    #[error("the quota cannot be told")]
    Quota(#[from] QuotasError),
    /// The store failed.
    #[error("the registration could not be stored")]
    Store(#[source] StoreError),
}

impl From<StoreError> for RegisterError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::UnknownPerson => Self::UnknownPerson,
            other => Self::Store(other),
        }
    }
}

/// What [`Registering`] works with.
pub struct RegisteringPorts {
    /// Registrations.
    pub registrations: Arc<dyn Registrations>,
    /// Places.
    pub quotas: Arc<Quotas>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Request ids.
    pub ids: Arc<dyn IdSource>,
}

/// Registration for a service: a place of the day is reserved, then everything is stored in one step.
pub struct Registering {
    ports: RegisteringPorts,
}

impl Registering {
    /// How long a reservation may stand without being recorded: every request ends well before.
    pub const GRACE: Duration = Duration::from_mins(1);

    /// From its ports.
    #[must_use]
    pub const fn new(ports: RegisteringPorts) -> Self {
        Self { ports }
    }

    /// Asks for a place and registers.
    ///
    /// The same idempotency key from the same person answers the same again, and nothing happens twice.
    ///
    /// # Errors
    /// As [`RegisterError`] says. Nothing is taken then; if the store broke off, the place is kept for a repeated call
    /// and given back by the next reconciliation.
    pub async fn register(
        &self,
        identity: Identity,
        service: &Service,
        key: Option<IdempotencyKey>,
    ) -> Result<Registered, RegisterError> {
        for _ in 0..MAX_ATTEMPTS {
            if let Some(registered) = self.attempt(identity, service, key.as_ref()).await? {
                return Ok(registered);
            }
        }
        Err(RegisterError::Contended)
    }

    /// One attempt; `None` if another request of the person, or a forgetful counter, got in between.
    async fn attempt(
        &self,
        identity: Identity,
        service: &Service,
        key: Option<&IdempotencyKey>,
    ) -> Result<Option<Registered>, RegisterError> {
        let now = self.ports.clock.now();
        let last = self
            .ports
            .registrations
            .last_use(identity.user, &service.service_type)
            .await?;
        if let Some(answer) = last.as_ref().and_then(|last| answer_of(last, key, now)) {
            return answer.map(Some);
        }
        let holder = Holder {
            user: identity.user,
            turn: last.map_or(1, |last| last.turn + 1),
        };
        let budgets = service.budgets_at(now);
        let places = self.reserve(holder, &budgets).await?;
        let new = NewRegistration {
            identity,
            service: service.service_type.clone(),
            request_id: RequestId::new(self.ports.ids.uuid()),
            turn: holder.turn,
            places,
            limit: service.daily.limit,
            idempotency_key: key.cloned(),
            at: now,
            cooldown_until: now + service.cooldown,
        };
        self.store(new, holder, &budgets).await
    }

    async fn reserve(
        &self,
        holder: Holder,
        budgets: &[Budget],
    ) -> Result<Vec<Taken>, RegisterError> {
        let key = match self.ports.quotas.reserve(holder, budgets).await? {
            Ok(taken) => return Ok(taken),
            Err(key) => key,
        };
        // An attempt before this one may have left a place in another budget.
        self.ports.quotas.give_back(holder, budgets).await?;
        let limit = budgets
            .iter()
            .find(|budget| budget.key == key)
            .map_or(0, |budget| budget.limit);
        Err(RegisterError::QuotaExhausted { key, limit })
    }

    async fn store(
        &self,
        new: NewRegistration,
        holder: Holder,
        budgets: &[Budget],
    ) -> Result<Option<Registered>, RegisterError> {
        let (at, key, limit) = (new.at, new.idempotency_key.clone(), new.limit);
        let daily = new.places.first().cloned();
        let outcome = self.ports.registrations.request(new).await;
        match outcome {
            Ok(RequestOutcome::Registered) => Ok(daily.map(|place| Registered {
                position: place.seat,
                limit,
            })),
            Ok(RequestOutcome::UsedBefore(last)) => {
                self.ports.quotas.give_back(holder, budgets).await?;
                answer_of(&last, key.as_ref(), at).transpose()
            }
            Ok(RequestOutcome::SeatTaken(_)) => {
                let keys: Vec<BudgetKey> = budgets.iter().map(|b| b.key.clone()).collect();
                self.ports.quotas.restore(&keys).await?;
                Ok(None)
            }
            Err(error) if error.is_certain() => {
                // Another request of the person may have recorded the place. If that cannot be told, the next
                // reconciliation gives it back; the caller is told what went wrong first.
                let _kept = self.ports.quotas.give_back(holder, budgets).await;
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// How many of the day's places are taken, and whether a request now would find one in every budget.
    ///
    /// # Errors
    /// If the quota cannot be told.
    pub async fn availability(&self, service: &Service) -> Result<Availability, QuotasError> {
        let budgets = service.budgets_at(self.ports.clock.now());
        let usage = self.ports.quotas.usage(&budgets).await?;
        let can_use = budgets
            .iter()
            .zip(&usage)
            .all(|(budget, used)| used.saturating_add(budget.units) <= budget.limit);
        let limit = service.daily.limit;
        Ok(Availability {
            can_use,
            taken: usage.first().copied().unwrap_or_default().min(limit),
            limit,
            window: budgets[0].key.window,
        })
    }

    /// The person's registrations.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn list(&self, user: UserId) -> Result<Vec<Registration>, StoreError> {
        self.ports.registrations.list(user).await
    }

    /// Sets whether others may use the result; `None` if the person is not registered.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn publish(
        &self,
        publication: Publication,
    ) -> Result<Option<Registration>, StoreError> {
        self.ports.registrations.set_public(publication).await
    }

    /// Deletes the person's registration, if there is one. The use stays, or one person could drain the day's places.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn delete(&self, user: UserId, service: &Service) -> Result<bool, StoreError> {
        self.ports
            .registrations
            .delete(Deletion {
                user,
                service: service.service_type.clone(),
                request_id: RequestId::new(self.ports.ids.uuid()),
                at: self.ports.clock.now(),
            })
            .await
    }
}

/// What an earlier use answers to a request, if it stands against it.
fn answer_of(
    last: &Use,
    key: Option<&IdempotencyKey>,
    now: DateTime<Utc>,
) -> Option<Result<Registered, RegisterError>> {
    if key.is_some() && last.idempotency_key.as_ref() == key {
        return Some(Ok(Registered {
            position: last.position,
            limit: last.limit,
        }));
    }
    (last.cooldown_until > now).then_some(Err(RegisterError::CooldownActive {
        until: last.cooldown_until,
    }))
}
