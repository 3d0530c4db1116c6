//! Everything that a store does, and the statements that it sends.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use lemon_domain::{
    ports::{
        Accounts, Attempt, CompletedSignIn, Deletion, Expiring, FinishOutcome, Housekeeping,
        JobTickets, NewRegistration, NewTicket, Outbox, OverdueOutcome, OverdueStep, PendingSignIn,
        PendingSignIns, People, PlaceRecord, Publication, Registrations, RequestOutcome,
        ReservedPlace, RetryOutcome, Revocation, Revocations, RevokedTokens, SignIn, SignInClaim,
        TicketClaim, TicketOutcome, TrainingDeadlines,
    },
    sealing::Sealed,
    values::{
        AccountId, BudgetKey, BudgetName, IdempotencyKey, Identity, ProviderUserId, RequestId,
        RequestToken, Segment, ServiceType, Task, TaskKind, TicketDigest, TrainingReady, UserId,
        Verifier, Window,
    },
};
use lemon_postgres::{SqlStore, StoreConfig};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, prelude::Uuid};

/// Every statement that was sent.
pub(crate) type Sent = Arc<Mutex<Vec<Statement>>>;

/// A store, and every statement that it sends. Its calls may take long: the machine's speed shows nothing here.
pub(crate) async fn observed(url: String) -> (SqlStore, Sent) {
    let sent = Sent::default();
    let config = StoreConfig::new(url)
        .with_deadline(Duration::from_mins(1))
        .with_observer({
            let sent = Arc::clone(&sent);
            move |info| sent.lock().unwrap().push(info.statement.clone())
        });
    let store = SqlStore::connect(&config).await.unwrap();
    store.migrate().await.unwrap();
    sent.lock().unwrap().clear();
    (store, sent)
}

pub(crate) fn now() -> DateTime<Utc> {
    // Long ago, for a database goes by its own clock where a caller's is ahead of it.
    "2020-11-22T12:00:00Z".parse().unwrap()
}

fn sealed() -> Sealed {
    Sealed {
        key_id: "key".to_owned(),
        data: vec![7; 64],
    }
}

fn request(identity: Identity, service: &ServiceType) -> NewRegistration {
    let place = |budget: &str| ReservedPlace {
        key: BudgetKey {
            scope: service.into(),
            budget: BudgetName::parse(budget).unwrap(),
            window: Window {
                start: now(),
                end: now() + TimeDelta::days(1),
            },
        },
        seat: 1,
        units: 1,
        limit: 400,
    };
    NewRegistration {
        identity,
        service: service.clone(),
        request_id: RequestId::new(Uuid::nil()),
        turn: 1,
        places: ["daily", "reads"].map(place).to_vec(),
        attempt: Some(Attempt {
            key: attempt(),
            remembered_until: now() + TimeDelta::days(7),
        }),
        at: now(),
        cooldown_until: now() + TimeDelta::days(7),
    }
}

fn attempt() -> IdempotencyKey {
    IdempotencyKey::parse("attempt").unwrap()
}

/// A sign-in, twice, from the request token on.
async fn sign_in(store: &SqlStore) -> Identity {
    let token = RequestToken::parse("token").unwrap();
    let pending = PendingSignIn {
        token: token.clone(),
        secret: sealed(),
        expires_at: now() + TimeDelta::minutes(10),
    };
    store.put(pending).await.unwrap();
    let claim = SignInClaim::of(&Verifier::parse("verifier").unwrap());
    let found = store.take(&token, &claim, now()).await;
    found.unwrap().unwrap();
    store.discard(&token).await.unwrap();
    let identity = Identity {
        user: UserId::new(1),
        account: AccountId::twitter(ProviderUserId::try_from(1).unwrap()),
    };
    let completed = CompletedSignIn {
        token: token.clone(),
        claim,
        identity,
        at: now(),
        answered_until: now() + TimeDelta::seconds(30),
    };
    store.complete(completed).await.unwrap();
    let answered = store.completed(&token, &claim, now()).await.unwrap();
    assert_eq!(answered, Some(identity));
    let account = AccountId::twitter(ProviderUserId::try_from(1).unwrap());
    let sign_in = SignIn {
        account,
        credentials: sealed(),
        at: now(),
    };
    store.sign_in(sign_in.clone()).await.unwrap();
    let user = store.sign_in(sign_in).await.unwrap();
    store.account(account).await.unwrap().unwrap();
    assert_eq!(store.accounts(&[account]).await.unwrap().len(), 1);
    Identity { user, account }
}

/// Everything that can happen to a registration.
async fn register(store: &SqlStore, identity: Identity) {
    let service = ServiceType::parse("LEARNME").unwrap();
    let new = request(identity, &service);
    store.request(new.clone()).await.unwrap();
    store.request(new.clone()).await.unwrap();
    let key = &new.places[0].key;
    store.sums(key, Segment::FIRST).await.unwrap();
    store.segment(key, Segment::FIRST).await.unwrap();
    store.total(&new.places[1].key).await.unwrap();
    store.correct_total(&new.places[1].key).await.unwrap();
    store.last_use(identity.user, &service).await.unwrap();
    let answered = store.answered(identity.user, &service, &attempt()).await;
    answered.unwrap().unwrap();
    let ready = TrainingReady {
        account: identity.account,
        service: service.clone(),
        request_id: None,
    };
    store.finish(&ready, new.request_id, now()).await.unwrap();
    let publication = Publication {
        user: identity.user,
        service: service.clone(),
        public: true,
    };
    store.set_public(publication).await.unwrap().unwrap();
    store.list(identity.user).await.unwrap();
    let deletion = Deletion {
        user: identity.user,
        service: service.clone(),
        at: now(),
    };
    assert!(store.delete(deletion).await.unwrap().is_some());
    let outcome = store.finish(&ready, new.request_id, now()).await;
    assert_eq!(outcome.unwrap(), FinishOutcome::NotRegistered);
    lose(store, identity, &service).await;
}

/// A training that is announced again, and then fails.
async fn lose(store: &SqlStore, identity: Identity, service: &ServiceType) {
    let mut at = now() + TimeDelta::days(7);
    let mut second = NewRegistration {
        turn: 2,
        request_id: RequestId::new(Uuid::max()),
        attempt: None,
        at,
        ..request(identity, service)
    };
    for place in &mut second.places {
        place.seat = 2;
    }
    let running: Vec<_> = second
        .places
        .iter()
        .map(|place| place.key.clone())
        .collect();
    let outcome = store.request(second.clone()).await.unwrap();
    assert_eq!(outcome, RequestOutcome::Registered);
    for step in [OverdueStep::Announce, OverdueStep::Fail { running }] {
        at += TimeDelta::days(1);
        // The rows of the deletion come first.
        for _ in 0..3 {
            let claimed = store.claim(100, Duration::from_secs(30), at).await.unwrap();
            let claimed: Vec<_> = claimed.iter().map(|row| row.id).collect();
            store.remove(&claimed).await.unwrap();
        }
        at += TimeDelta::days(1);
        let day = Duration::from_hours(24);
        let overdue = store.overdue(service, day, None, 100, at).await.unwrap();
        let first = Some(overdue[0].position());
        let behind = store.overdue(service, day, first, 100, at).await.unwrap();
        assert_eq!(behind, []);
        let outcome = store.settle(&overdue[0], step).await.unwrap();
        assert!(!matches!(
            outcome,
            OverdueOutcome::Waiting | OverdueOutcome::Overtaken
        ));
    }
    let again = NewRegistration {
        turn: 3,
        at,
        ..second
    };
    let outcome = store.request(again).await.unwrap();
    assert_eq!(
        outcome,
        RequestOutcome::Registered,
        "the places are free again"
    );
}

async fn relay(store: &SqlStore) {
    let lease = Duration::from_secs(30);
    let at = now() + TimeDelta::days(20);
    let claimed = store.claim(100, lease, at).await.unwrap();
    store.postpone(&claimed[0], at).await.unwrap();
    store.remove(&[claimed[0].id]).await.unwrap();
    for what in Expiring::ALL {
        store.purge(what, now()).await.unwrap();
    }
    store.sealing_key_ids().await.unwrap();
    let revocation = Revocation {
        tokens: RevokedTokens::AllOf(UserId::new(1)),
        at,
        expires_at: at,
    };
    store.revoke(&revocation).await.unwrap();
    assert_eq!(store.revocations(0).await.unwrap().len(), 1);
}

/// A ticket that is redeemed, and then expired.
async fn redeem(store: &SqlStore, account: AccountId) {
    let ticket = NewTicket {
        digest: TicketDigest([7; 32]),
        task: Task {
            kind: TaskKind::Notify,
            service: ServiceType::parse("LEARNME").unwrap(),
            account,
        },
        request_id: RequestId::new(Uuid::max()),
        issued_at: now(),
        expires_at: now() + TimeDelta::days(1),
    };
    store.issue(std::slice::from_ref(&ticket)).await.unwrap();
    let mut claim = TicketClaim {
        digest: ticket.digest,
        kind: ticket.task.kind,
        request_id: ticket.request_id,
        at: now(),
    };
    let granted = store.redeem(&claim).await.unwrap();
    assert!(
        matches!(granted, TicketOutcome::Granted { .. }),
        "{granted:?}"
    );
    claim.at = ticket.expires_at;
    let expired = store.redeem(&claim).await.unwrap();
    assert_eq!(expired, TicketOutcome::Expired);
}

/// What operators do for a person.
async fn operate(store: &SqlStore, identity: Identity) {
    let at = now() + TimeDelta::days(21);
    store.person(identity.account).await.unwrap().unwrap();
    let retried = store.retry(RequestId::new(Uuid::max()), at).await;
    let retried = retried.unwrap();
    assert!(!matches!(retried, RetryOutcome::Unknown), "{retried:?}");
    redeem(store, identity.account).await;
    let forgotten = store.forget(identity.account, at).await;
    assert!(forgotten.unwrap().unwrap().erased);
    store.list(identity.user).await.unwrap_err();
}

/// Does everything that a store can do; answers the statements that it sent, with the command that explains them.
///
/// An insertion reads nothing: SQLite only prepares to look at foreign keys that it finds broken.
pub(crate) async fn explained(store: &SqlStore, sent: &Sent, explain: &str) -> Vec<Statement> {
    let identity = sign_in(store).await;
    register(store, identity).await;
    relay(store).await;
    operate(store, identity).await;
    let mut sent = std::mem::take(&mut *sent.lock().unwrap());
    assert!(sent.len() > 25, "{} statements were caught", sent.len());
    sent.retain(|statement| {
        let verbs = ["SELECT", "UPDATE", "DELETE", "WITH"];
        verbs.iter().any(|verb| statement.sql.starts_with(verb))
    });
    assert!(sent.len() > 15, "{} statements read", sent.len());
    for statement in &mut sent {
        statement.sql.insert_str(0, explain);
    }
    sent
}

/// The lines of an explanation.
pub(crate) async fn steps(
    db: &DatabaseConnection,
    explained: Statement,
    column: &str,
) -> Vec<String> {
    let rows = db.query_all_raw(explained).await.unwrap();
    rows.iter()
        .map(|row| row.try_get("", column).unwrap())
        .collect()
}
