//! What the tests start from, whatever the database.

pub(crate) mod everything;
pub(crate) mod records;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use lemon_contracts::race;
use lemon_domain::{
    ports::{
        Accounts, NewRegistration, Outbox, PlaceRecord, READ_ATTEMPTS, Registrations,
        RequestOutcome, ReservedPlace, SignIn,
    },
    sealing::{SealingKey, SealingKeys},
    usecases::Quotas,
    values::{
        AccountId, BudgetKey, BudgetName, Credentials, Identity, ProviderUserId, RequestId,
        ServiceType, TaskKind, Window,
    },
};
use lemon_fakes::{FakeClock, MemoryQuotaCounter};
use lemon_postgres::SqlStore;
use sea_orm::{ConnectionTrait, DatabaseConnection, prelude::Uuid};
use secrecy::SecretString;

pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-22T12:00:00.000001Z".parse().unwrap()
}

pub(crate) fn account(n: i64) -> AccountId {
    AccountId::twitter(ProviderUserId::try_from(n).unwrap())
}

pub(crate) fn keys() -> SealingKeys {
    let key = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let key = SealingKey::parse(&SecretString::from(key)).unwrap();
    SealingKeys::new(vec![key]).unwrap()
}

pub(crate) fn learn_me() -> ServiceType {
    ServiceType::parse("LEARNME").unwrap()
}

pub(crate) fn today() -> BudgetKey {
    BudgetKey {
        scope: (&learn_me()).into(),
        budget: BudgetName::daily(),
        window: Window {
            start: "2026-11-21T21:00:00Z".parse().unwrap(),
            end: "2026-11-22T21:00:00Z".parse().unwrap(),
        },
    }
}

pub(crate) async fn sign_in(store: &SqlStore, n: i64, credentials: &Credentials) -> Identity {
    let account = account(n);
    let sign_in = SignIn {
        account,
        credentials: keys().seal_credentials(account, credentials, [7; 24]),
        at: now(),
    };
    let user = store.sign_in(sign_in).await.unwrap();
    Identity { user, account }
}

/// Somebody who signed in and registered, with the seat of their number.
pub(crate) async fn register(store: &SqlStore, n: u32) -> Identity {
    let identity = sign_in(store, n.into(), &Credentials::new("token", "secret")).await;
    let outcome = store.request(request(identity, n)).await.unwrap();
    assert_eq!(outcome, RequestOutcome::Registered);
    identity
}

pub(crate) fn request(identity: Identity, n: u32) -> NewRegistration {
    NewRegistration {
        identity,
        service: learn_me(),
        request_id: RequestId::new(Uuid::from_u128(n.into())),
        turn: 1,
        places: vec![ReservedPlace {
            key: today(),
            seat: n,
            units: 1,
            limit: 400,
        }],
        attempt: None,
        at: now(),
        cooldown_until: now() + TimeDelta::days(7),
    }
}

/// A further budget, of 100 units.
pub(crate) fn reads() -> BudgetKey {
    BudgetKey {
        budget: BudgetName::parse("reads").unwrap(),
        ..today()
    }
}

/// A request that takes 20 units of it, too.
pub(crate) fn request_with_reads(identity: Identity, n: u32) -> NewRegistration {
    let mut new = request(identity, n);
    new.places.push(ReservedPlace {
        key: reads(),
        seat: n,
        units: 20,
        limit: 100,
    });
    new
}

/// What is done each minute about a window that the counter knows.
async fn reconcile(store: &SqlStore, key: &BudgetKey) {
    let clock = Arc::new(FakeClock::default());
    clock.set(now());
    let (counter, record) = (MemoryQuotaCounter::default(), store.clone());
    let quotas = Quotas::new(Arc::new(counter), Arc::new(record), clock, Duration::ZERO);
    for _ in 0..2 {
        quotas.restore(std::slice::from_ref(key)).await.unwrap();
    }
}

/// A row of the outbox is spoiled; those behind it go on, and it does when the operator has mended it.
pub(crate) async fn unreadable_row_is_set_aside(store: &SqlStore, db: &DatabaseConnection) {
    register(store, 1).await;
    let minute = Duration::from_mins(1);
    // Its queue is away: who could read it has claimed it often.
    for attempt in 0..READ_ATTEMPTS {
        let claimed = store.claim(10, Duration::ZERO, now()).await.unwrap();
        assert_eq!(claimed[0].attempt, attempt + 1);
    }
    // A task of a version to come.
    let unknown = "UPDATE outbox SET task = 'sing'";
    db.execute_unprepared(unknown).await.unwrap();
    let behind = "INSERT INTO outbox (task, service, provider, provider_user_id, request_id, due_at, created_at)
        SELECT 'delete', service, provider, provider_user_id, request_id, due_at, created_at FROM outbox";
    db.execute_unprepared(behind).await.unwrap();
    for attempt in 0..READ_ATTEMPTS {
        let backlog = store.backlog(now()).await.unwrap();
        assert_eq!((backlog.rows, backlog.set_aside), (2, 0));
        let claimed = store.claim(10, minute, now() + attempt * minute).await;
        assert_eq!(claimed.unwrap(), []);
    }
    let at = now() + READ_ATTEMPTS * minute;
    let backlog = store.backlog(at).await.unwrap();
    assert_eq!((backlog.rows, backlog.set_aside), (1, 1));
    let claimed = store.claim(10, minute, at).await.unwrap();
    let tasks: Vec<_> = claimed.iter().map(|row| row.content.kind).collect();
    assert_eq!(tasks, [TaskKind::Delete]);
    // The operator mends it.
    let mend = "UPDATE outbox SET task = 'train', set_aside_at = NULL WHERE task = 'sing'";
    db.execute_unprepared(mend).await.unwrap();
    let claimed = store.claim(10, minute, at + minute).await.unwrap();
    let tasks: Vec<_> = claimed.iter().map(|row| row.content.kind).collect();
    assert_eq!(tasks, [TaskKind::Train]);
}

/// Totals are spoiled, and people register afterwards as the places let them.
pub(crate) async fn totals_are_corrected(store: &SqlStore, db: &DatabaseConnection) {
    let first = sign_in(store, 1, &Credentials::new("token", "secret")).await;
    let stored = store.request(request_with_reads(first, 1)).await.unwrap();
    assert_eq!(stored, RequestOutcome::Registered);
    for (n, spoil) in [
        (2, "UPDATE budget_totals SET units = 100"),
        (3, "DELETE FROM budget_totals"),
        (4, "UPDATE budget_totals SET units = 1"),
    ] {
        db.execute_unprepared(spoil).await.unwrap();
        reconcile(store, &reads()).await;
        let recorded = u64::from(n - 1) * 20;
        assert_eq!(store.total(&reads()).await.unwrap(), recorded, "{spoil}");
        let who = sign_in(store, n.into(), &Credentials::new("token", "secret")).await;
        let stored = store.request(request_with_reads(who, n)).await.unwrap();
        assert_eq!(stored, RequestOutcome::Registered, "{spoil}");
    }
}

/// Many correct a wrong total at a time, through two stores; `false` is the answer of who finds it right.
pub(crate) async fn wrong_total_is_corrected_once(
    store: &SqlStore,
    other: &SqlStore,
    db: &DatabaseConnection,
) {
    let first = sign_in(store, 1, &Credentials::new("token", "secret")).await;
    store.request(request_with_reads(first, 1)).await.unwrap();
    for spoil in [
        "UPDATE budget_totals SET units = 1000",
        "UPDATE budget_totals SET units = 1",
        "DELETE FROM budget_totals",
    ] {
        db.execute_unprepared(spoil).await.unwrap();
        let corrected = race(16, |n| {
            let store = if n % 2 == 0 { store } else { other }.clone();
            async move { store.correct_total(&reads()).await.unwrap() }
        })
        .await;
        let corrected = corrected.into_iter().filter(|corrected| *corrected);
        assert_eq!(corrected.count(), 1, "{spoil}");
        assert_eq!(store.total(&reads()).await.unwrap(), 20, "{spoil}");
    }
}
