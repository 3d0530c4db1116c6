//! The result of a request, and the rows that it stores.

use lemon_domain::{
    ports::{NewRegistration, RequestOutcome, SeatTaken, StoreError},
    values::{
        IdempotencyKey, Registered, Registration, ServiceType, TaskKind, TrainingState, Turn, Use,
        UserId,
    },
};

use super::{Answered, Mechanism, Recorded, StoreState, StoredRegistration};

impl StoreState {
    pub(super) fn check_identity(&self, new: &NewRegistration) -> Result<(), StoreError> {
        self.sealed_account(new.identity.account)
            .filter(|stored| stored.user == new.identity.user)
            .map(|_| ())
            .ok_or(StoreError::UnknownPerson)
    }

    pub(super) fn answered(
        &self,
        user: UserId,
        service: &ServiceType,
        key: &IdempotencyKey,
    ) -> Option<Registered> {
        let theirs = self.attempts.get(&(user, service.clone()))?;
        let same = theirs.iter().find(|earlier| earlier.attempt.key == *key);
        same.map(|earlier| earlier.answer)
    }

    pub(super) fn repeated(&self, new: &NewRegistration) -> Option<RequestOutcome> {
        let key = &new.attempt.as_ref()?.key;
        if !self.has(Mechanism::RememberedAttempt) {
            return None;
        }
        self.answered(new.identity.user, &new.service, key)
            .map(RequestOutcome::Repeated)
    }

    pub(super) fn used_before(&self, new: &NewRegistration) -> Option<RequestOutcome> {
        let last = self.uses.get(&(new.identity.user, new.service.clone()))?;
        let stands_against = last.cooldown_until > new.at || last.turn >= new.turn;
        (stands_against && self.has(Mechanism::UseOnce))
            .then(|| RequestOutcome::UsedBefore(last.clone()))
    }

    pub(super) fn seat_taken(&self, new: &NewRegistration) -> Option<RequestOutcome> {
        let refused = new.places.iter().find(|wanted| {
            let others = || self.places.iter().filter(|it| it.place.key == wanted.key);
            let used: u32 = others().map(|it| it.place.units).sum();
            let seat_taken = others().any(|it| it.place.seat == wanted.seat);
            let over = !wanted.is_of_the_day() && used + wanted.units > wanted.limit;
            !wanted.can_fit()
                || (seat_taken && self.has(Mechanism::UniqueSeat))
                || (over && self.has(Mechanism::BoundedUnits))
        })?;
        Some(RequestOutcome::SeatTaken(SeatTaken {
            budget: refused.key.budget.clone(),
            seat: refused.seat,
        }))
    }

    pub(super) fn store(&mut self, new: NewRegistration) {
        let key = (new.identity.user, new.service.clone());
        let holder = new.holder();
        let daily = new.places.first().expect("a request has a place");
        let last_use = Use {
            turn: new.turn,
            window_start: daily.key.window.start,
            cooldown_until: new.cooldown_until,
        };
        if let Some(attempt) = new.attempt {
            let answer = Registered {
                position: daily.seat,
                limit: daily.limit,
            };
            let theirs = self.attempts.entry(key.clone()).or_default();
            theirs.push(Answered { attempt, answer });
        }
        let earlier = self.registrations.get(&key).map(|it| &it.shown);
        let shown = Registration {
            service: new.service.clone(),
            request_id: new.request_id,
            public: earlier.is_some_and(|it| it.public),
            ready: earlier.is_some_and(|it| it.ready),
            state: TrainingState::Training,
            can_use_at: new.cooldown_until,
        };
        let account = new.identity.account;
        let finished_at = self.registrations.get(&key).and_then(|it| it.finished_at);
        let current = StoredRegistration {
            shown,
            account,
            requested_at: new.at,
            announced_at: new.at,
            announcements: 1,
            finished_at,
        };
        let turn = Turn {
            user: new.identity.user,
            number: new.turn,
        };
        self.places
            .extend(new.places.into_iter().map(|place| Recorded {
                service: new.service.clone(),
                turn,
                holder: holder.clone(),
                place,
                at: new.at,
                cooldown_until: new.cooldown_until,
            }));
        self.uses.insert(key.clone(), last_use);
        self.latest_requests.insert(key.clone(), new.request_id);
        self.registrations.insert(key, current);
        self.put_row(
            TaskKind::Train,
            &new.service,
            account,
            new.request_id,
            new.at,
        );
    }
}
