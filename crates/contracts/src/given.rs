//! The data that the cases of the store family start from.

use std::time::Duration;

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Attempt, Deletion, NewRegistration, OutboxEntry, Publication, RequestOutcome,
        ReservedPlace, SeatTaken, SignIn,
    },
    sealing::Sealed,
    values::{
        AccountId, BudgetKey, BudgetName, IdempotencyKey, Identity, ProviderUserId, RequestId,
        Scope, ServiceType, Task, TaskKind, TrainingReady, UserId, Window,
    },
};
use uuid::Uuid;

use crate::store::Store;

pub(super) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);
pub(super) const MICROSECOND: Duration = Duration::from_micros(1);

/// Noon of a Monday in Seoul, to the microsecond. It is years ago, so that a store's own clock is later than all times
/// that a case derives from it.
pub(super) fn now() -> DateTime<Utc> {
    time("2020-11-23T03:00:00.123456Z")
}

pub(super) fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(super) fn learn_me() -> ServiceType {
    ServiceType::parse("LEARNME").unwrap()
}

/// Another service, which comes first in order.
pub(super) fn draw_me() -> ServiceType {
    ServiceType::parse("DRAWME").unwrap()
}

pub(super) fn account(n: usize) -> AccountId {
    let id = i64::try_from(n).unwrap();
    AccountId::twitter(ProviderUserId::try_from(id).unwrap())
}

/// As long as real sealed credentials, with every possible byte.
pub(super) fn sealed(n: u8) -> Sealed {
    Sealed {
        key_id: format!("key-{n}"),
        data: (0..=255).map(|byte: u8| byte.wrapping_add(n)).collect(),
    }
}

pub(super) fn request_id(n: usize) -> RequestId {
    RequestId::new(Uuid::from_u128(n as u128))
}

/// An attempt that is remembered for ten days: for longer than the cooldown of [`request`].
pub(super) fn attempt(key: &str) -> Attempt {
    Attempt {
        key: IdempotencyKey::parse(key).unwrap(),
        remembered_until: now() + 10 * DAY,
    }
}

/// The budget of the day that [`now`] is in.
pub(super) fn today() -> BudgetKey {
    BudgetKey {
        scope: (&learn_me()).into(),
        budget: BudgetName::daily(),
        window: Window {
            start: time("2020-11-22T21:00:00Z"),
            end: time("2020-11-23T21:00:00Z"),
        },
    }
}

/// Seven days later, when the cooldown of a [`request`] is over.
pub(super) fn next_week() -> BudgetKey {
    BudgetKey {
        window: Window {
            start: time("2020-11-29T21:00:00Z"),
            end: time("2020-11-30T21:00:00Z"),
        },
        ..today()
    }
}

/// Another budget of the service, with a window that outlasts the day and the cooldown.
pub(super) fn reads() -> BudgetKey {
    BudgetKey {
        budget: BudgetName::parse("reads").unwrap(),
        window: Window {
            start: time("2020-10-31T21:00:00Z"),
            end: time("2020-12-31T21:00:00Z"),
        },
        ..today()
    }
}

/// A budget that services share.
pub(super) fn shared_reads() -> BudgetKey {
    BudgetKey {
        scope: Scope::shared(),
        ..reads()
    }
}

/// A place that takes one unit: of 400 in a day, of a million in any other budget.
pub(super) fn place(key: BudgetKey, seat: u32) -> ReservedPlace {
    let is_daily = key.budget == BudgetName::daily();
    ReservedPlace {
        key,
        seat,
        units: 1,
        limit: if is_daily { 400 } else { 1_000_000 },
    }
}

/// A person who signed in.
pub(super) async fn person(store: &dyn Store, n: usize) -> Identity {
    let account = account(n);
    let sign_in = SignIn {
        account,
        credentials: sealed(0),
        at: now(),
    };
    Identity {
        user: store.sign_in(sign_in).await.unwrap(),
        account,
    }
}

/// A first request for today's place with that seat, and a cooldown of seven days.
pub(super) fn request(identity: Identity, seat: u32) -> NewRegistration {
    NewRegistration {
        identity,
        service: learn_me(),
        request_id: request_id(usize::try_from(seat).unwrap()),
        turn: 1,
        places: vec![place(today(), seat)],
        attempt: None,
        at: now(),
        cooldown_until: now() + 7 * DAY,
    }
}

/// The next request of the same person, when the cooldown of [`request`] is over.
pub(super) fn next_request(identity: Identity, seat: u32) -> NewRegistration {
    NewRegistration {
        request_id: request_id(1000 + usize::try_from(seat).unwrap()),
        turn: 2,
        places: vec![place(next_week(), seat)],
        at: now() + 7 * DAY,
        cooldown_until: now() + 14 * DAY,
        ..request(identity, seat)
    }
}

/// The same request for another service: in that service's budgets, except for shared budgets.
pub(super) fn of(service: ServiceType, mut new: NewRegistration) -> NewRegistration {
    for place in &mut new.places {
        if place.key.scope != Scope::shared() {
            place.key.scope = (&service).into();
        }
    }
    new.service = service;
    new
}

/// Makes the result of a person's training public.
pub(super) async fn published(store: &dyn Store, user: UserId) {
    let publication = Publication {
        user,
        service: learn_me(),
        public: true,
    };
    store.set_public(publication).await.unwrap();
}

pub(super) async fn registered(store: &dyn Store, new: NewRegistration) {
    let outcome = store.request(new).await.unwrap();
    assert_eq!(outcome, RequestOutcome::Registered);
}

/// A person who signed in and took today's place with the seat of their number.
pub(super) async fn registered_person(store: &dyn Store, n: usize) -> Identity {
    let identity = person(store, n).await;
    registered(store, request(identity, u32::try_from(n).unwrap())).await;
    identity
}

pub(super) fn seat_taken(key: &BudgetKey, seat: u32) -> RequestOutcome {
    RequestOutcome::SeatTaken(SeatTaken {
        budget: key.budget.clone(),
        seat,
    })
}

/// A worker's message about the account's training, without a request id.
pub(super) fn ready(account: AccountId) -> TrainingReady {
    TrainingReady {
        account,
        service: learn_me(),
        request_id: None,
    }
}

pub(super) fn deletion(user: UserId) -> Deletion {
    Deletion {
        user,
        service: learn_me(),
        at: now() + HOUR,
    }
}

/// Takes every row out of the outbox, whoever claimed it, at a time when all leases are over: in the order in which the
/// rows were put.
pub(super) async fn outbox(store: &dyn Store) -> Vec<OutboxEntry<Task>> {
    let at = now() + 365 * DAY;
    let mut all = Vec::new();
    loop {
        let claimed = store.claim(1000, HOUR, at).await.unwrap();
        if claimed.is_empty() {
            all.sort_unstable_by_key(|row: &OutboxEntry<Task>| row.id);
            return all;
        }
        let ids: Vec<_> = claimed.iter().map(|row| row.id).collect();
        store.remove(&ids).await.unwrap();
        all.extend(claimed);
    }
}

/// Takes every row out, like [`outbox`], and answers the tasks.
pub(super) async fn tasks(store: &dyn Store) -> Vec<TaskKind> {
    outbox(store)
        .await
        .iter()
        .map(|entry| entry.content.kind)
        .collect()
}

/// How many rows the outbox has; does not change them.
pub(super) async fn rows(store: &dyn Store) -> u64 {
    store.backlog(now()).await.unwrap().rows
}
