//! What really happened, as far as it was seen at the ports, and what must hold of it.

mod ends;
mod jobs;
mod places;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::NewRegistration,
    values::{AccountId, Holder, IdempotencyKey, Registered, RequestId, ServiceType, UserId},
};
use uuid::Uuid;

pub(crate) use self::places::{WindowName, name_of};
use crate::invariant::{Invariant, Judgement, hold};

/// Everything that was seen.
#[derive(Default)]
pub(crate) struct History {
    requests: BTreeMap<Uuid, SeenRequest>,
    /// The request of each registration.
    current: BTreeMap<(UserId, ServiceType), Uuid>,
    uses: BTreeMap<(UserId, ServiceType), LatestUse>,
    attempts: BTreeMap<(UserId, ServiceType, String), Registered>,
    places: BTreeMap<WindowName, BTreeMap<u32, Kept>>,
    /// What the counter gave: seats and units, by holder and window.
    given: BTreeMap<(Holder, WindowName), BTreeSet<(u32, u32)>>,
    /// The requests whose deletion no worker knows yet, by sequence.
    owed_deletions: BTreeMap<(AccountId, ServiceType), Vec<Uuid>>,
    /// Calls whose callers were told that nothing is stored.
    refused_calls: BTreeSet<u64>,
    accepted_calls: BTreeMap<u64, Uuid>,
    /// Requests whose ready message is in the queue.
    ready: BTreeSet<Uuid>,
}

/// A request that was stored.
#[derive(Debug)]
struct SeenRequest {
    user: UserId,
    account: AccountId,
    service: ServiceType,
    turn: u32,
    /// The time since the run began when its training was announced last.
    announced: Duration,
    announcements: u32,
    state: End,
    gone: Departure,
    trained: bool,
    notified: bool,
    deleted_at_workers: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Running,
    Finished,
    Failed,
}

/// Why a request is not its person's registration any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Departure {
    No,
    Replaced,
    Deleted,
}

#[derive(Debug)]
struct LatestUse {
    turn: u32,
    cooldown_until: DateTime<Utc>,
}

/// A recorded place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    holder: Holder,
    units: u32,
    request: Uuid,
}

impl History {
    /// The store has stored a request, on behalf of a call.
    pub(crate) fn registered(
        &mut self,
        new: &NewRegistration,
        call: Option<u64>,
        after: Duration,
    ) -> Judgement {
        let id = new.request_id.get();
        let owner = (new.identity.user, new.service.clone());
        if let Some(call) = call {
            hold(
                !self.refused_calls.contains(&call),
                Invariant::TrueAnswer,
                || format!("call {call} was answered \"nothing is stored\", and then stored {id}"),
            )?;
            self.accepted_calls.insert(call, id);
        }
        self.take_turn(new)?;
        if let Some(attempt) = &new.attempt {
            let named = attempt_of(&owner, &attempt.key);
            let first = &new.places[0];
            let answer = Registered {
                position: first.seat,
                limit: first.limit,
            };
            hold(
                self.attempts.insert(named, answer).is_none(),
                Invariant::OneAttempt,
                || format!("an attempt of person {} is stored twice", owner.0),
            )?;
        }
        self.record(new)?;
        if let Some(before) = self.current.insert(owner.clone(), id) {
            self.seen(before).gone = Departure::Replaced;
        }
        let seen = SeenRequest {
            user: owner.0,
            account: new.identity.account,
            service: owner.1,
            turn: new.turn,
            announced: after,
            announcements: 1,
            state: End::Running,
            gone: Departure::No,
            trained: false,
            notified: false,
            deleted_at_workers: false,
        };
        hold(
            self.requests.insert(id, seen).is_none(),
            Invariant::OneUse,
            || format!("two requests have the id {id}"),
        )
    }

    /// A person uses a service once for each turn, after the cooldown of the use before.
    fn take_turn(&mut self, new: &NewRegistration) -> Judgement {
        let owner = (new.identity.user, new.service.clone());
        if let Some(last) = self.uses.get(&owner) {
            hold(last.turn < new.turn, Invariant::OneUse, || {
                format!("person {} has turn {} twice", owner.0, new.turn)
            })?;
            hold(last.cooldown_until <= new.at, Invariant::OneUse, || {
                let until = last.cooldown_until;
                format!(
                    "person {} uses {} at {}, within the cooldown until {until}",
                    owner.0, owner.1, new.at
                )
            })?;
        }
        let latest = LatestUse {
            turn: new.turn,
            cooldown_until: new.cooldown_until,
        };
        self.uses.insert(owner, latest);
        Ok(())
    }

    /// A call ended with an answer.
    pub(crate) fn accepted(
        &mut self,
        call: u64,
        request: Option<RequestId>,
        owner: &(UserId, ServiceType),
        key: Option<&IdempotencyKey>,
        answer: Registered,
    ) -> Judgement {
        if let Some(id) = request {
            hold(
                self.requests.contains_key(&id.get()),
                Invariant::TrueAnswer,
                || format!("call {call} was accepted as {id}, which is not stored"),
            )?;
        }
        let Some(key) = key else { return Ok(()) };
        // A forgotten person's attempts are gone.
        let first = self.attempts.get(&attempt_of(owner, key));
        hold(
            first.is_none_or(|first| *first == answer),
            Invariant::OneAttempt,
            || {
                format!(
                    "person {} got {answer:?} for an attempt that was answered {first:?}",
                    owner.0
                )
            },
        )
    }

    /// A caller was told that nothing is stored.
    pub(crate) fn refused(&mut self, call: u64) -> Judgement {
        self.refused_calls.insert(call);
        hold(
            !self.accepted_calls.contains_key(&call),
            Invariant::TrueAnswer,
            || {
                format!(
                    "call {call} is answered \"nothing is stored\", but it has stored a request"
                )
            },
        )
    }

    /// A caller was told that their cooldown runs.
    pub(crate) fn cooled(
        &mut self,
        call: u64,
        owner: &(UserId, ServiceType),
        key: Option<&IdempotencyKey>,
    ) -> Judgement {
        self.refused(call)?;
        let known = key.is_some_and(|key| self.attempts.contains_key(&attempt_of(owner, key)));
        hold(!known, Invariant::OneAttempt, || {
            format!(
                "person {} repeated a stored attempt and was refused by its cooldown",
                owner.0
            )
        })
    }

    /// The request of a registration.
    pub(crate) fn request_of(&self, owner: &(UserId, ServiceType)) -> Option<RequestId> {
        self.current.get(owner).copied().map(RequestId::new)
    }

    fn seen(&mut self, id: Uuid) -> &mut SeenRequest {
        self.requests.get_mut(&id).expect("a request that was seen")
    }
}

fn attempt_of(
    owner: &(UserId, ServiceType),
    key: &IdempotencyKey,
) -> (UserId, ServiceType, String) {
    (owner.0, owner.1.clone(), key.as_str().to_owned())
}
