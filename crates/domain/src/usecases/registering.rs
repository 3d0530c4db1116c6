mod availability;
mod error;
mod giving_back;
mod wish;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use self::wish::Wish;
pub use self::{availability::Availability, error::RegisterError};
use super::{DirectivesInForce, Exhausted, Permit, Quotas, QuotasError, permit::Abandoned};
use crate::{
    ports::{
        Attempt, Clock, Deletion, IdSource, NewRegistration, Publication, Registrations,
        RequestOutcome, ReservedPlace, SeatTaken, StoreError, Taken,
    },
    traces::step,
    values::{
        Budget, BudgetKey, BudgetState, IdempotencyKey, Identity, Registered, Registration,
        RequestId, Service, ServiceType, Turn, Use, UserId,
    },
    waiting::{Neighbour, wait_for},
};

/// How often a request may be overtaken before it gives up.
const MAX_ATTEMPTS: usize = 5;

/// How long an attempt is remembered at least; if the cooldown is longer, as long as the cooldown.
const REMEMBERED: TimeDelta = TimeDelta::days(1);

/// A request that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The answer to the person.
    pub registered: Registered,
    /// The name of the registration; `None` if the attempt was remembered and nothing was stored.
    pub request_id: Option<RequestId>,
    /// The day's places, as the counter counted them when it gave this place; `None` if no place was given because the
    /// attempt was remembered, or if the place is given back.
    pub daily: Option<BudgetState>,
}

/// How much of a window is corrected after a conflict.
#[derive(Debug, Clone, Copy)]
enum Repair {
    /// The segment of the seat. This is enough for a counter that is only a moment behind.
    Segment,
    /// All segments that differ. The units that the counter lacks may be those of other segments.
    Window,
}

/// The ports of [`Registering`].
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

/// Registration for a service: it reserves a place of the day, then stores everything in one step.
pub struct Registering {
    ports: RegisteringPorts,
    directives: Option<Arc<DirectivesInForce>>,
}

impl Registering {
    /// How long a reservation may exist without being recorded: every request ends well before.
    pub const GRACE: Duration = Duration::from_secs(60);

    /// From its ports.
    #[must_use]
    pub const fn new(ports: RegisteringPorts) -> Self {
        Self {
            ports,
            directives: None,
        }
    }

    /// Follows the directives of operators.
    #[must_use]
    pub fn with_directives(mut self, directives: Arc<DirectivesInForce>) -> Self {
        self.directives = Some(directives);
        self
    }

    /// Asks for a place and registers, however long it takes. See [`register_with`](Self::register_with).
    ///
    /// # Errors
    /// As [`register_with`](Self::register_with).
    pub async fn register(
        &self,
        identity: Identity,
        service: &Service,
        key: Option<IdempotencyKey>,
    ) -> Result<Registered, RegisterError> {
        let permit = Permit::default();
        let accepted = self.register_with(&permit, identity, service, key);
        Ok(accepted.await?.registered)
    }

    /// Asks for a place and registers, unless the caller abandons the call: then nothing is stored, the reserved places
    /// are given back, and the call ends.
    ///
    /// The same idempotency key from the same person gets the same answer, and nothing happens twice: for a day, or for
    /// the cooldown if that is longer.
    ///
    /// # Errors
    /// As [`RegisterError`] says. Nothing is taken then; if the connection to the store broke, the place is kept for a
    /// repeated call and given back by the next reconciliation.
    pub async fn register_with(
        &self,
        permit: &Permit,
        identity: Identity,
        service: &Service,
        key: Option<IdempotencyKey>,
    ) -> Result<Accepted, RegisterError> {
        for attempt in 0..MAX_ATTEMPTS {
            let repair = if attempt == 0 {
                Repair::Segment
            } else {
                Repair::Window
            };
            let accepted = self.attempt(permit, repair, identity, service, key.as_ref());
            if let Some(accepted) = accepted.await? {
                return Ok(accepted);
            }
        }
        Err(RegisterError::Contended)
    }

    /// One attempt; `None` if another request of the person, or a counter that forgot, interfered.
    async fn attempt(
        &self,
        permit: &Permit,
        repair: Repair,
        identity: Identity,
        service: &Service,
        key: Option<&IdempotencyKey>,
    ) -> Result<Option<Accepted>, RegisterError> {
        let now = self.ports.clock.now();
        let registrations = &self.ports.registrations;
        let (user, wanted) = (identity.user, &service.service_type);
        let last = registrations.last_use(user, wanted);
        let last = permit
            .unless_abandoned(wait_for(Neighbour::Store, last))
            .await??;
        // Read after the use: an attempt that was stored in between would otherwise be refused because of its own
        // cooldown.
        if let Some(key) = key
            && let Some(answered) = permit
                .unless_abandoned(wait_for(
                    Neighbour::Store,
                    registrations.answered(user, wanted, key),
                ))
                .await??
        {
            return Ok(Some(Accepted {
                registered: answered,
                request_id: None,
                daily: None,
            }));
        }
        if self.is_paused(wanted) {
            return Err(RegisterError::Paused);
        }
        if let Some(last) = &last {
            refuse_within_cooldown(last, now)?;
        }
        let turn = Turn {
            user: identity.user,
            number: last.map_or(1, |last| last.turn + 1),
        };
        let wish = Wish {
            service: wanted,
            turn,
            holder: service.holder(turn),
            budgets: self.budgets(service, now),
            at: now,
        };
        permit.begin_to_reserve()?;
        let reserving = step("reserve places", self.reserve(&wish));
        let taken = match permit.unless_abandoned(reserving).await {
            Ok(taken) => taken?,
            Err(Abandoned) => return Err(self.withdraw(&wish).await),
        };
        let daily = taken.first().map(|taken| taken.state.clone());
        let cooldown_until = now + service.cooldown;
        let new = NewRegistration {
            identity,
            service: service.service_type.clone(),
            request_id: RequestId::new(self.ports.ids.uuid()),
            turn: turn.number,
            places: taken.into_iter().map(ReservedPlace::new).collect(),
            attempt: key.cloned().map(|key| Attempt {
                key,
                remembered_until: cooldown_until.max(now + REMEMBERED),
            }),
            at: now,
            cooldown_until,
        };
        if permit.begin_to_store().is_err() {
            return Err(self.withdraw(&wish).await);
        }
        self.store(permit, repair, new, &wish, daily).await
    }

    async fn reserve(&self, wish: &Wish<'_>) -> Result<Vec<Taken>, RegisterError> {
        let reserved = self
            .ports
            .quotas
            .reserve_at(&wish.holder, &wish.budgets, wish.at)
            .await?;
        let Exhausted { state, held } = match reserved {
            Ok(taken) => return Ok(taken),
            Err(exhausted) => exhausted,
        };
        // An earlier attempt left a place in another budget.
        if !held.is_empty() {
            self.give_back(wish, &held).await?;
        }
        Err(RegisterError::QuotaExhausted(state))
    }

    /// Corrects the counter where the record refused a place.
    async fn repair(
        &self,
        repair: Repair,
        keys: &[BudgetKey],
        taken: &SeatTaken,
    ) -> Result<(), QuotasError> {
        let quotas = &self.ports.quotas;
        match (keys.iter().find(|key| key.budget == taken.budget), repair) {
            (Some(key), Repair::Segment) => quotas.restore_seat(key, taken.seat).await,
            (Some(key), Repair::Window) => quotas.restore_window(key).await,
            (None, _) => Ok(()),
        }
    }

    async fn store(
        &self,
        permit: &Permit,
        repair: Repair,
        new: NewRegistration,
        wish: &Wish<'_>,
        daily: Option<BudgetState>,
    ) -> Result<Option<Accepted>, RegisterError> {
        let keys = wish.keys();
        let (place, request_id) = (new.places.first().cloned(), new.request_id);
        let storing = self.ports.registrations.request(new);
        let storing = step("store the registration", storing);
        let outcome = wait_for(Neighbour::Store, storing).await;
        match outcome {
            Ok(RequestOutcome::Registered) => Ok(place.map(|place| Accepted {
                registered: Registered {
                    position: place.seat,
                    limit: place.limit,
                },
                request_id: Some(request_id),
                daily,
            })),
            Ok(RequestOutcome::Repeated(answered)) => {
                // The registration is stored, whether or not the counter can be corrected now.
                let _given_back = self.give_back(wish, &keys).await;
                Ok(Some(Accepted {
                    registered: answered,
                    request_id: None,
                    daily: None,
                }))
            }
            Ok(RequestOutcome::UsedBefore(last)) => {
                let unrecorded = wish.unrecorded(Some(&last), &keys);
                let given_back = self.release(wish, &unrecorded).await;
                refuse_within_cooldown(&last, wish.at)?;
                given_back?;
                permit.stored_nothing()?;
                Ok(None)
            }
            Ok(RequestOutcome::SeatTaken(taken)) => {
                let restored = match permit.stored_nothing() {
                    Ok(()) => {
                        permit
                            .unless_abandoned(self.repair(repair, &keys, &taken))
                            .await
                    }
                    Err(abandoned) => Err(abandoned),
                };
                match restored {
                    Ok(restored) => restored?,
                    Err(Abandoned) => {
                        return Err(self.withdraw(wish).await);
                    }
                }
                Ok(None)
            }
            Err(error) if error.is_certain() => {
                // A caller that abandons the call from now on gets its answer immediately: nothing is stored.
                let _abandoned = permit.stored_nothing();
                // Another request of the person may have recorded the place. If that is not known, the next
                // reconciliation gives it back; the caller gets the first error.
                let _given_back = self.give_back(wish, &keys).await;
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// How many of the day's places are taken, and whether a request now would get a place in every budget.
    ///
    /// # Errors
    /// If the quota is not known.
    pub async fn availability(&self, service: &Service) -> Result<Availability, QuotasError> {
        let budgets = self.budgets(service, self.ports.clock.now());
        let usage = self.ports.quotas.usage(&budgets).await?;
        Ok(self.availability_of(service, budgets, &usage))
    }

    /// The same as far as it is known without the counter, for when that does not answer. It promises nothing.
    ///
    /// # Errors
    /// If nothing is known, and the record cannot be read.
    pub async fn last_availability(&self, service: &Service) -> Result<Availability, QuotasError> {
        let budgets = self.budgets(service, self.ports.clock.now());
        let usage = self.ports.quotas.last_known(&budgets).await?;
        Ok(self.availability_of(service, budgets, &usage))
    }

    /// The day's places, as configured or as an operator set them.
    #[must_use]
    pub fn daily_limit(&self, service: &Service) -> u32 {
        let budgets = self.budgets(service, self.ports.clock.now());
        budgets.first().map_or(0, |daily| daily.limit)
    }

    /// The service's budgets, with the limits that are in force.
    fn budgets(&self, service: &Service, now: DateTime<Utc>) -> Vec<Budget> {
        let mut budgets = service.budgets_at(now);
        if let Some(directives) = &self.directives {
            directives.apply(&mut budgets);
        }
        budgets
    }

    fn is_paused(&self, service: &ServiceType) -> bool {
        let directives = self.directives.as_ref();
        directives.is_some_and(|directives| directives.is_service_paused(service))
    }

    fn availability_of(
        &self,
        service: &Service,
        budgets: Vec<Budget>,
        usage: &[u32],
    ) -> Availability {
        let mut availability = Availability::of(budgets, usage);
        availability.can_use &= !self.is_paused(&service.service_type);
        availability
    }

    /// When the person's cooldown ends; `None` if none is running. It outlives the registration.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn cooldown_until(
        &self,
        user: UserId,
        service: &Service,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let registrations = &self.ports.registrations;
        let last = wait_for(
            Neighbour::Store,
            registrations.last_use(user, &service.service_type),
        );
        let last = match last.await {
            // Of a person who was forgotten nothing is told, as of one who never signed in.
            Err(StoreError::UnknownPerson) => None,
            last => last?,
        };
        let now = self.ports.clock.now();
        let until = last.map(|last| last.cooldown_until);
        Ok(until.filter(|until| *until > now))
    }

    /// The person's registrations.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn list(&self, user: UserId) -> Result<Vec<Registration>, StoreError> {
        wait_for(Neighbour::Store, self.ports.registrations.list(user)).await
    }

    /// Sets whether others may use the result; `None` if the person is not registered.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn publish(
        &self,
        publication: Publication,
    ) -> Result<Option<Registration>, StoreError> {
        let changing = self.ports.registrations.set_public(publication);
        wait_for(Neighbour::Store, changing).await
    }

    /// Deletes the person's registration, if there is one, and answers its request. The use stays; otherwise one person
    /// could use up the day's places.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn delete(
        &self,
        user: UserId,
        service: &Service,
    ) -> Result<Option<RequestId>, StoreError> {
        let deleting = self.ports.registrations.delete(Deletion {
            user,
            service: service.service_type.clone(),
            at: self.ports.clock.now(),
        });
        wait_for(Neighbour::Store, deleting).await
    }
}

fn refuse_within_cooldown(last: &Use, now: DateTime<Utc>) -> Result<(), RegisterError> {
    let until = last.cooldown_until;
    if until > now {
        return Err(RegisterError::CooldownActive { until });
    }
    Ok(())
}
