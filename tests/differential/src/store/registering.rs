//! Steps about registrations.

use chrono::TimeDelta;
use lemon_domain::{
    ports::{Attempt, Deletion, FinishOutcome, NewRegistration, Publication, RequestOutcome},
    values::{RequestId, TrainingReady},
};

use super::{
    given::{account, idempotency_key, places, request_id, service_of},
    side::{Moment, StoreSide, told},
    step::{NamedRequest, RequestStep, StoreStep, Whose},
};

/// A request that nobody made.
const UNKNOWN: u32 = 99_999;

impl StoreSide {
    pub(super) async fn of_registrations(&mut self, step: &StoreStep, moment: Moment) -> String {
        let store = self.store.clone();
        match *step {
            StoreStep::Request(wish) => {
                let new = self.request(wish, moment).await;
                self.request = Some(new.clone());
                self.store_request(new).await
            }
            StoreStep::RepeatRequest => match self.request.clone() {
                Some(new) => self.store_request(new).await,
                None => String::new(),
            },
            StoreStep::Finish { whose, named } => self.finish(whose, named, moment).await,
            StoreStep::Delete(whose) => {
                let deletion = Deletion {
                    user: self.user(whose.person),
                    service: service_of(whose),
                    at: moment.now,
                };
                told(store.delete(deletion).await)
            }
            StoreStep::SetPublic { whose, public } => {
                let publication = Publication {
                    user: self.user(whose.person),
                    service: service_of(whose),
                    public,
                };
                told(store.set_public(publication).await)
            }
            StoreStep::Answered { whose, attempt } => {
                let (user, key) = (self.user(whose.person), idempotency_key(attempt));
                told(store.answered(user, &service_of(whose), &key).await)
            }
            StoreStep::LastUse(whose) => {
                let user = self.user(whose.person);
                told(store.last_use(user, &service_of(whose)).await)
            }
            _ => String::new(),
        }
    }

    async fn request(&mut self, wish: RequestStep, moment: Moment) -> NewRegistration {
        let service = service_of(wish.whose);
        let user = self.user(wish.whose.person);
        let last = self.store.last_use(user, &service).await;
        let turn = last.ok().flatten().map_or(0, |last| last.turn);
        let places = places(&service, wish.seat, wish.further, moment.now);
        for place in &places {
            if !self.keys.contains(&place.key) {
                self.keys.push(place.key.clone());
            }
        }
        NewRegistration {
            identity: self.identity(wish.whose.person),
            service,
            request_id: moment.request_id(),
            turn: (turn + wish.turns_on).max(1),
            places,
            attempt: wish.attempt.map(|attempt| Attempt {
                key: idempotency_key(attempt),
                remembered_until: moment.now + TimeDelta::hours(24),
            }),
            at: moment.now,
            cooldown_until: moment.now + TimeDelta::hours(wish.cooldown_hours),
        }
    }

    async fn store_request(&mut self, new: NewRegistration) -> String {
        let (account, request_id) = (new.identity.account, new.request_id);
        let service = new.service.clone();
        let outcome = self.store.request(new).await;
        if let Ok(RequestOutcome::Registered) = outcome {
            let person = usize::try_from(account.user_id.get() - 1).unwrap_or_default();
            let other = service.as_str() == "DRAWME";
            self.latest.insert((person, other), request_id);
        }
        told(outcome)
    }

    /// The person's latest request here, or one that nobody made.
    pub(super) fn latest(&self, whose: Whose) -> RequestId {
        let latest = self.latest.get(&(whose.person, whose.other_service));
        latest.copied().unwrap_or_else(|| request_id(UNKNOWN))
    }

    async fn finish(&self, whose: Whose, named: NamedRequest, moment: Moment) -> String {
        let ready = TrainingReady {
            account: account(whose.person),
            service: service_of(whose),
            request_id: match named {
                NamedRequest::None => None,
                NamedRequest::Latest => Some(self.latest(whose)),
                NamedRequest::Unknown => Some(request_id(UNKNOWN)),
            },
        };
        let finished = self.store.finish(&ready, moment.request_id(), moment.now);
        told(finished.await.map(|outcome| match outcome {
            FinishOutcome::Finished { user, request_id } => FinishOutcome::Finished {
                user: self.alike(user),
                request_id,
            },
            other => other,
        }))
    }
}
