//! Requests that wait together are stored in one statement, and each has its own outcome.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use chrono::TimeDelta;
use futures::{future::join_all, poll};
use lemon_domain::{
    ports::{Attempt, NewRegistration, Outbox, Registrations, RequestOutcome, StoreError},
    values::{Credentials, IdempotencyKey, Identity, RequestId},
};
use lemon_postgres::SqlStore;
use sea_orm::{ConnectionTrait, TransactionTrait, prelude::Uuid};

use super::{
    Fresh, count,
    given::{learn_me, now, request, sign_in},
    until,
};

/// A store, and the number of statements that it has sent. On one thread, all calls that are joined ask before the first
/// statement is sent.
async fn counted(fresh: &Fresh) -> (SqlStore, Arc<AtomicUsize>) {
    let sent = Arc::<AtomicUsize>::default();
    let config = fresh.config().with_observer({
        let sent = Arc::clone(&sent);
        move |_| {
            sent.fetch_add(1, SeqCst);
        }
    });
    let store = SqlStore::connect(&config).await.unwrap();
    store.migrate().await.unwrap();
    (store, sent)
}

async fn people(store: &SqlStore, n: u32) -> Vec<Identity> {
    let mut people = Vec::new();
    for n in 1..=n {
        people.push(sign_in(store, n.into(), &Credentials::new("token", "secret")).await);
    }
    people
}

/// A request with this seat, and a request id of its own.
fn asks(identity: Identity, seat: u32, request: u128) -> NewRegistration {
    NewRegistration {
        request_id: RequestId::new(Uuid::from_u128(request)),
        ..self::request(identity, seat)
    }
}

fn with_key(new: NewRegistration, key: &str) -> NewRegistration {
    let key = IdempotencyKey::parse(key).unwrap();
    NewRegistration {
        attempt: Some(Attempt {
            key,
            remembered_until: now() + TimeDelta::days(1),
        }),
        ..new
    }
}

async fn outcomes(
    store: &SqlStore,
    requests: impl IntoIterator<Item = NewRegistration>,
) -> Vec<Result<RequestOutcome, StoreError>> {
    join_all(requests.into_iter().map(|new| store.request(new))).await
}

#[tokio::test]
async fn a_request_alone_is_one_statement() {
    let fresh = Fresh::new().await;
    let (store, sent) = counted(&fresh).await;
    let who = people(&store, 1).await[0];
    sent.store(0, SeqCst);
    let outcome = store.request(request(who, 1)).await.unwrap();
    assert_eq!(
        (outcome, sent.load(SeqCst)),
        (RequestOutcome::Registered, 1)
    );
}

#[tokio::test]
async fn a_latest_use_is_one_statement() {
    let fresh = Fresh::new().await;
    let (store, sent) = counted(&fresh).await;
    let who = people(&store, 1).await[0];
    store.request(request(who, 1)).await.unwrap();
    sent.store(0, SeqCst);
    let last = store.last_use(who.user, &learn_me()).await.unwrap();
    assert_eq!((last.is_some(), sent.load(SeqCst)), (true, 1));
}

#[tokio::test]
async fn requests_that_wait_are_one_statement() {
    let fresh = Fresh::new().await;
    let (store, sent) = counted(&fresh).await;
    let people = people(&store, 20).await;
    sent.store(0, SeqCst);
    let requests = (1..).zip(people).map(|(seat, who)| {
        let new = request(who, seat);
        if seat % 2 == 0 {
            with_key(new, "first")
        } else {
            new
        }
    });
    for outcome in outcomes(&store, requests).await {
        assert_eq!(outcome.unwrap(), RequestOutcome::Registered);
    }
    assert_eq!(sent.load(SeqCst), 1);
    let db = fresh.outsider().await;
    for (table, rows) in [
        ("uses", 20),
        ("attempts", 10),
        ("registrations", 20),
        ("places", 20),
        ("outbox", 20),
    ] {
        assert_eq!(count(&db, table).await, rows, "{table}");
    }
}

#[tokio::test]
async fn who_is_refused_refuses_nobody_else() {
    let fresh = Fresh::new().await;
    let (store, _) = counted(&fresh).await;
    let people = people(&store, 6).await;
    let first = with_key(asks(people[0], 1, 1), "first");
    store.request(first).await.unwrap();
    let stranger = Identity {
        user: people[5].user,
        account: people[4].account,
    };
    let [used_before, well, same_seat, repeated, unknown] = outcomes(
        &store,
        [
            asks(people[0], 2, 2),
            asks(people[1], 3, 3),
            asks(people[2], 1, 4),
            with_key(asks(people[0], 4, 5), "first"),
            asks(stranger, 5, 6),
        ],
    )
    .await
    .try_into()
    .unwrap();
    assert!(
        matches!(used_before, Ok(RequestOutcome::UsedBefore(_))),
        "{used_before:?}"
    );
    assert!(matches!(well, Ok(RequestOutcome::Registered)), "{well:?}");
    assert!(
        matches!(same_seat, Ok(RequestOutcome::SeatTaken(_))),
        "{same_seat:?}"
    );
    assert!(
        matches!(repeated, Ok(RequestOutcome::Repeated(_))),
        "{repeated:?}"
    );
    assert!(
        matches!(unknown, Err(StoreError::UnknownPerson)),
        "{unknown:?}"
    );
    let db = fresh.outsider().await;
    for table in ["uses", "registrations", "places", "outbox"] {
        assert_eq!(count(&db, table).await, 2, "{table}");
    }
}

#[tokio::test]
async fn of_two_requests_of_a_person_one_is_stored() {
    let fresh = Fresh::new().await;
    let (store, _) = counted(&fresh).await;
    let who = people(&store, 1).await[0];
    let outcomes = outcomes(&store, (1..=5).map(|n| asks(who, n, n.into()))).await;
    let mut outcomes = outcomes.into_iter().map(Result::unwrap);
    assert_eq!(outcomes.next(), Some(RequestOutcome::Registered));
    for outcome in outcomes {
        assert!(
            matches!(outcome, RequestOutcome::UsedBefore(_)),
            "{outcome:?}"
        );
    }
    let last = store
        .last_use(who.user, &learn_me())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(last.turn, 1);
    let db = fresh.outsider().await;
    assert_eq!(count(&db, "places").await, 1);
}

#[tokio::test]
async fn a_later_turn_replaces_the_registration() {
    let fresh = Fresh::new().await;
    let (store, _) = counted(&fresh).await;
    let who = people(&store, 1).await[0];
    store.request(request(who, 1)).await.unwrap();
    let mut again = asks(who, 2, 2);
    again.turn = 2;
    again.at = now() + TimeDelta::days(7);
    again.cooldown_until = again.at + TimeDelta::days(7);
    let outcome = store.request(again).await.unwrap();
    assert_eq!(outcome, RequestOutcome::Registered);
    let list = store.list(who.user).await.unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].request_id, RequestId::new(Uuid::from_u128(2)));
    let rows = store.backlog(now()).await.unwrap().rows;
    assert_eq!(rows, 2);
}

/// A caller that gives up before its request was sent stores nothing.
#[tokio::test]
async fn who_gives_up_is_not_stored_and_takes_nobody_along() {
    let fresh = Fresh::new().await;
    let (store, _) = counted(&fresh).await;
    let people = people(&store, 2).await;
    let mut first = Box::pin(store.request(request(people[0], 1)));
    let mut second = Box::pin(store.request(request(people[1], 2)));
    assert!(poll!(&mut first).is_pending());
    assert!(poll!(&mut second).is_pending());
    drop(first);
    assert_eq!(second.await.unwrap(), RequestOutcome::Registered);
    let db = fresh.outsider().await;
    assert_eq!(count(&db, "registrations").await, 1);
}

/// Somebody's row is locked by another program: later requests of others go past it.
#[tokio::test]
async fn a_row_that_is_locked_holds_up_nobody_who_asks_later() {
    let fresh = Fresh::new().await;
    let (store, _) = counted(&fresh).await;
    let people = people(&store, 2).await;
    store.request(request(people[0], 1)).await.unwrap();
    let db = fresh.outsider().await;
    let other = db.begin().await.unwrap();
    other
        .execute_unprepared("SELECT 1 FROM uses FOR UPDATE")
        .await
        .unwrap();
    let blocked = tokio::spawn({
        let (store, new) = (store.clone(), asks(people[0], 2, 2));
        async move { store.request(new).await }
    });
    let waiting =
        "pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    until(|| async { count(&db, waiting).await > 0 }).await;
    let outcome = store.request(asks(people[1], 3, 3)).await.unwrap();
    assert_eq!(outcome, RequestOutcome::Registered);
    other.rollback().await.unwrap();
    let outcome = blocked.await.unwrap().unwrap();
    assert!(
        matches!(outcome, RequestOutcome::UsedBefore(_)),
        "{outcome:?}"
    );
}
