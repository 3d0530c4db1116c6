//! Proof that no statement reads a whole table: each that a store sends is caught and explained.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use lemon_domain::{
    ports::{
        Accounts, Attempt, Deletion, Expiring, FinishOutcome, Housekeeping, NewRegistration,
        Outbox, OverdueOutcome, OverdueStep, PendingSignIn, PendingSignIns, PlaceRecord,
        Publication, Registrations, RequestOutcome, ReservedPlace, SignIn, SignInClaim,
        TrainingDeadlines,
    },
    sealing::Sealed,
    values::{
        AccountId, BudgetKey, BudgetName, IdempotencyKey, Identity, ProviderUserId, RequestId,
        RequestToken, Segment, ServiceType, TrainingReady, Verifier, Window,
    },
};
use lemon_test_servers::PostgresServer;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use uuid::Uuid;

#[cfg(feature = "sqlite")]
use crate::database::{Executor, Kind};
use crate::{SqlStore, StoreConfig, housekeeping::removal};

/// A store whose calls may take long: the machine's speed shows nothing here.
async fn connected(url: String) -> SqlStore {
    let config = StoreConfig {
        deadline: Duration::from_mins(1),
        ..StoreConfig::new(url)
    };
    SqlStore::connect(&config).await.unwrap()
}

/// Every statement that was sent.
pub(crate) type Sent = Arc<Mutex<Vec<Statement>>>;

fn catch(store: &mut SqlStore) -> Sent {
    let database = store.database_mut();
    #[cfg(feature = "sqlite")]
    if let (Kind::Sqlite(file), Executor::Sqlite(writer), Executor::Sqlite(reader)) = (
        &mut database.kind,
        &mut database.writer,
        &mut database.reader,
    ) {
        let sent = Sent::default();
        for connection in [
            &mut file.writer,
            &mut writer.connection,
            &mut reader.connection,
        ] {
            let sent = Arc::clone(&sent);
            connection.set_metric_callback(move |info| {
                let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
                sent.push(info.statement.clone());
            });
        }
        return sent;
    }
    database.server().unwrap().sent()
}

fn now() -> DateTime<Utc> {
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
    assert!(store.delete(deletion).await.unwrap());
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
}

/// Does everything that a store can do; answers the statements that it sent, with the command that explains them.
///
/// An insertion reads nothing: SQLite only prepares to look at foreign keys that it finds broken.
async fn explained(store: &mut SqlStore, explain: &str) -> Vec<Statement> {
    store.migrate().await.unwrap();
    let sent = catch(store);
    let identity = sign_in(store).await;
    register(store, identity).await;
    relay(store).await;
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
async fn steps(store: &SqlStore, explained: Statement, column: &str) -> Vec<String> {
    let rows = store.reader().query_all_raw(explained).await.unwrap();
    rows.iter()
        .map(|row| row.try_get("", column).unwrap())
        .collect()
}

/// What SQLite reads that is no table.
#[cfg(feature = "sqlite")]
const NO_TABLES: [&str; 2] = ["SCAN due", "SCAN CONSTANT ROW"];

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn on_sqlite_no_statement_reads_a_whole_table() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/lemon.db", folder.path().display());
    let mut store = connected(url).await;
    for statement in explained(&mut store, "EXPLAIN QUERY PLAN ").await {
        for step in steps(&store, statement.clone(), "detail").await {
            let whole = step.starts_with("SCAN") && !NO_TABLES.contains(&step.as_str());
            // The only groups are those of a bounded stretch of seats, and the only ties trainings of one moment.
            let few = ["FOR GROUP BY", "FOR LAST TERM OF ORDER BY"];
            let sorts =
                step.contains("TEMP B-TREE") && !few.iter().any(|part| step.ends_with(part));
            assert!(!whole && !sorts, "{step}: {statement}");
        }
    }
}

/// A small table is read as a whole, index or not: only where that is forbidden does a plan show whether there is one.
#[tokio::test]
async fn on_postgresql_no_statement_has_to_read_a_whole_table() {
    let postgres = PostgresServer::get().await;
    let mut url = postgres.database().await;
    url.query_pairs_mut()
        .append_pair("options[enable_seqscan]", "off");
    let mut store = connected(url.to_string()).await;
    for statement in explained(&mut store, "EXPLAIN ").await {
        let is_purge = statement.sql.contains("ctid");
        let steps = steps(&store, statement.clone(), "QUERY PLAN").await;
        for step in &steps {
            assert!(!step.contains("Seq Scan"), "{step}: {statement}");
        }
        let by_expiry = steps.iter().any(|step| step.contains("_expires_at"));
        assert_eq!(is_purge, by_expiry, "{steps:?}: {statement}");
    }
}

/// However many have expired, a portion of a purge reads no more than it removes.
#[tokio::test]
async fn on_postgresql_a_portion_of_a_purge_takes_the_first_of_the_index() {
    let postgres = PostgresServer::get().await;
    let url = postgres.database().await;
    let store = connected(url.to_string()).await;
    store.migrate().await.unwrap();
    let many = "INSERT INTO pending_sign_ins (token, secret, secret_key_id, expires_at) \
                SELECT 'token-' || n, 'secret', 'k1', '2020-11-22T12:00:00Z' FROM generate_series(1, 50000) n";
    store.writer().execute_unprepared(many).await.unwrap();
    let mut purge = removal(DbBackend::Postgres, Expiring::PendingSignIns, now());
    purge.sql.insert_str(0, "EXPLAIN ");
    let steps = steps(&store, purge, "QUERY PLAN").await;
    let by_index = "Index Scan using pending_sign_ins_expires_at";
    assert!(
        steps.iter().any(|step| step.contains(by_index)),
        "{steps:?}"
    );
    assert!(!steps.iter().any(|step| step.contains("Sort")), "{steps:?}");
}
