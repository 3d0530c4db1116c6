//! What the database itself must show: its schema, its version, its file and its plans.
#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use lemon_domain::{
    ports::{
        Accounts, Housekeeping, NewRegistration, Outbox, PendingSignIn, PendingSignIns,
        PlaceRecord, Registrations, RequestOutcome, SignIn, StoreError, Taken,
    },
    sealing::{Place, SealingKey, SealingKeys},
    values::{
        AccountId, BudgetKey, BudgetName, Credentials, Identity, ProviderUserId, RequestId,
        RequestToken, ServiceType, Window,
    },
};
use lemon_migrations::{Migrator, MigratorTrait, SchemaManager};
use lemon_postgres::{ConnectError, SqlStore, StoreConfig};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement, prelude::Uuid};
use secrecy::SecretString;
use tempfile::TempDir;

const TABLES: [&str; 7] = [
    "users",
    "accounts",
    "pending_sign_ins",
    "registrations",
    "uses",
    "places",
    "outbox",
];

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lemon.db");
    (folder, file)
}

fn config(file: &Path) -> StoreConfig {
    StoreConfig::new(format!("sqlite://{}", file.display()))
}

async fn store(file: &Path) -> SqlStore {
    let store = SqlStore::connect(&config(file)).await.unwrap();
    store.migrate().await.unwrap();
    store
}

/// The database as any other program sees it.
async fn outsider(file: &Path) -> DatabaseConnection {
    let url = format!("sqlite://{}?mode=rwc", file.display());
    Database::connect(url).await.unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-11-22T12:00:00.000001Z".parse().unwrap()
}

fn account(n: i64) -> AccountId {
    AccountId::twitter(ProviderUserId::try_from(n).unwrap())
}

fn keys() -> SealingKeys {
    let key = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let key = SealingKey::parse(&SecretString::from(key)).unwrap();
    SealingKeys::new(vec![key]).unwrap()
}

fn learn_me() -> ServiceType {
    ServiceType::parse("LEARNME").unwrap()
}

fn today() -> BudgetKey {
    BudgetKey {
        service: learn_me(),
        budget: BudgetName::daily(),
        window: Window {
            start: "2026-11-21T21:00:00Z".parse().unwrap(),
            end: "2026-11-22T21:00:00Z".parse().unwrap(),
        },
    }
}

async fn sign_in(store: &SqlStore, n: i64, credentials: &Credentials) -> Identity {
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
async fn register(store: &SqlStore, n: u32) -> Identity {
    let identity = sign_in(store, n.into(), &Credentials::new("token", "secret")).await;
    let new = NewRegistration {
        identity,
        service: learn_me(),
        request_id: RequestId::new(Uuid::from_u128(n.into())),
        turn: 1,
        places: vec![Taken {
            key: today(),
            seat: n,
            units: 1,
            used: n,
        }],
        limit: 400,
        idempotency_key: None,
        at: now(),
        cooldown_until: now() + TimeDelta::days(7),
    };
    let outcome = store.request(new).await.unwrap();
    assert_eq!(outcome, RequestOutcome::Registered);
    identity
}

async fn tables(db: &DatabaseConnection) -> Vec<&'static str> {
    let manager = SchemaManager::new(db);
    let mut there = Vec::new();
    for table in TABLES {
        if manager.has_table(table).await.unwrap() {
            there.push(table);
        }
    }
    there
}

#[tokio::test]
async fn migrations_go_forward_and_back_and_forward_again() {
    let (_folder, file) = folder();
    let db = outsider(&file).await;
    Migrator::up(&db, None).await.unwrap();
    assert_eq!(tables(&db).await, TABLES);
    for (left, step) in [(6, 1), (3, 1), (0, 1)] {
        Migrator::down(&db, Some(step)).await.unwrap();
        assert_eq!(tables(&db).await.len(), left);
    }
    Migrator::up(&db, None).await.unwrap();
    assert_eq!(tables(&db).await, TABLES);
}

#[tokio::test]
async fn what_is_missing_is_told_and_applied_once() {
    let (_folder, file) = folder();
    let store = SqlStore::connect(&config(&file)).await.unwrap();
    let all = Migrator::migrations();
    assert_eq!(store.pending_migrations().await.unwrap().len(), all.len());
    assert!(tables(&outsider(&file).await).await.is_empty());
    store.migrate().await.unwrap();
    store.migrate().await.unwrap();
    assert!(store.pending_migrations().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_together_migrate_once() {
    let (_folder, file) = folder();
    let starts: Vec<_> = (0..8)
        .map(|_| {
            let config = config(&file);
            tokio::spawn(async move {
                let store = SqlStore::connect(&config).await?;
                store.migrate().await
            })
        })
        .collect();
    for start in starts {
        start.await.unwrap().unwrap();
    }
    assert_eq!(tables(&outsider(&file).await).await, TABLES);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let (_folder, file) = folder();
    let older = store(&file).await;
    outsider(&file)
        .await
        .execute_unprepared("INSERT INTO seaql_migrations VALUES ('m20991231_000001_newer', 0)")
        .await
        .unwrap();
    let expected = ConnectError::NewerVersion {
        database: format!("SQLite at {}", file.display()),
        migration: "m20991231_000001_newer".to_owned(),
    };
    let refused = SqlStore::connect(&config(&file)).await.unwrap_err();
    assert_eq!(refused, expected);
    assert!(refused.to_string().contains("is of a newer version"));
    assert_eq!(older.migrate().await.unwrap_err(), expected);
    assert_eq!(older.pending_migrations().await.unwrap_err(), expected);
}

#[tokio::test]
async fn an_address_that_cannot_be_used_is_told_without_its_password() {
    let (_folder, file) = folder();
    std::fs::write(&file, "no database, but long enough to be read as one").unwrap();
    let nowhere = file.join("lemon.db");
    let addresses = [
        "mysql://lemon:hunter2@db/lemon".to_owned(),
        "postgres://lemon:hunter2@127.0.0.1:1/lemon".to_owned(),
        "postgres://lemon:hunter2@127.0.0.1:port/lemon".to_owned(),
        "sqlite://".to_owned(),
        "sqlite://:memory:".to_owned(),
        format!("sqlite://{}", nowhere.display()),
        format!("sqlite://{}", file.display()),
    ];
    for address in addresses {
        let config = StoreConfig::new(address.clone());
        assert!(!format!("{config:?}").contains("hunter2"));
        let refused = SqlStore::connect(&config).await.unwrap_err();
        let line = refused.to_string();
        assert!(!line.contains("hunter2") && !line.contains('\n'), "{line}");
        let named = ["address", "PostgreSQL at 127.0.0.1:1/lemon: ", "SQLite at "];
        assert!(named.iter().any(|name| line.contains(name)), "{line}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, file) = folder();
    let store = store(&file).await;
    register(&store, 1).await;
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        files += 1;
    }
    assert_eq!(files, 3, "the database, its log and its index");
}

#[tokio::test]
async fn nothing_secret_can_be_read_in_the_files() {
    let (folder, file) = folder();
    let store = store(&file).await;
    let token = RequestToken::parse("a-request-token").unwrap();
    let secret = SecretString::from("the-request-tokens-secret");
    let pending = PendingSignIn {
        secret: keys().seal(Place::RequestTokenSecret(&token), &secret, [9; 24]),
        token,
        expires_at: now() + TimeDelta::minutes(10),
    };
    store.put(pending).await.unwrap();
    let credentials = Credentials::new("the-access-token", "the-access-secret");
    sign_in(&store, 1, &credentials).await;
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    let is_there = |text: &str| bytes.windows(text.len()).any(|at| at == text.as_bytes());
    assert!(is_there("a-request-token"), "the files hold what was put");
    for secret in [
        "the-request-tokens-secret",
        "the-access-token",
        "the-access-secret",
    ] {
        assert!(!is_there(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_corrupt_row_stops_nobody_else() {
    let (_folder, file) = folder();
    let store = store(&file).await;
    for n in 1..=3 {
        register(&store, n).await;
    }
    let db = outsider(&file).await;
    for corruption in [
        "UPDATE outbox SET task = 'sing' WHERE provider_user_id = 1",
        "UPDATE outbox SET due_at = 'noon', request_id = 'none' WHERE provider_user_id = 2",
        "UPDATE outbox SET due_at = '2026-11-22T12:00:00+00:00' WHERE provider_user_id = 2",
        "UPDATE places SET turn = 99999999999 WHERE seat = 2",
        "INSERT INTO registrations SELECT user_id, 'no service', account_id, 'none', public, ready, can_use_at,
             requested_at, NULL, NULL FROM registrations WHERE user_id = 1",
    ] {
        db.execute_unprepared(corruption).await.unwrap();
    }
    let claimed = store
        .claim(10, std::time::Duration::from_mins(1), now())
        .await
        .unwrap();
    let accounts: Vec<_> = claimed.iter().map(|entry| entry.account).collect();
    assert_eq!(accounts, [account(3)]);
    let places = store.places(&today()).await.unwrap();
    assert_eq!(
        places.iter().map(|place| place.seat).collect::<Vec<_>>(),
        [1, 3]
    );
    let first = store.account(account(1)).await.unwrap().unwrap();
    assert_eq!(store.list(first.user).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_corrupt_row_is_told_by_table_and_key() {
    let (_folder, file) = folder();
    let store = store(&file).await;
    let identity = register(&store, 1).await;
    let db = outsider(&file).await;
    for corruption in [
        "UPDATE accounts SET provider_user_id = 1, credentials = NULL WHERE id = 1",
        "UPDATE uses SET quota_limit = -1",
    ] {
        // The schema refuses the first: there is no row without credentials.
        let _ = db.execute_unprepared(corruption).await;
    }
    let error = store
        .last_use(identity.user, &learn_me())
        .await
        .unwrap_err();
    let StoreError::Corrupt { table, key, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!((table, key.as_str()), ("uses", "1/LEARNME"));
}

#[tokio::test]
async fn the_schema_refuses_what_must_not_be() {
    let (_folder, file) = folder();
    let store = store(&file).await;
    register(&store, 1).await;
    let db = outsider(&file).await;
    db.execute_unprepared("PRAGMA foreign_keys = ON")
        .await
        .unwrap();
    for (statement, refusal) in [
        ("INSERT INTO accounts SELECT 9, user_id, provider, provider_user_id, credentials, credentials_key_id,
              created_at, refreshed_at FROM accounts", "UNIQUE"),
        ("UPDATE accounts SET provider_user_id = 0", "CHECK"),
        ("UPDATE accounts SET user_id = 99", "FOREIGN KEY"),
        ("UPDATE accounts SET credentials = NULL", "NOT NULL"),
        ("INSERT INTO places SELECT * FROM places", "UNIQUE"),
        ("UPDATE places SET units = 0", "CHECK"),
        ("INSERT INTO registrations SELECT * FROM registrations", "UNIQUE"),
    ] {
        let error = db.execute_unprepared(statement).await.unwrap_err();
        assert!(error.to_string().contains(refusal), "{statement}: {error}");
    }
    db.execute_unprepared("DELETE FROM users").await.unwrap();
    for table in ["accounts", "registrations", "uses", "places"] {
        let count = format!("SELECT count(*) AS rows FROM {table}");
        let row = db.query_one_raw(Statement::from_string(DbBackend::Sqlite, count));
        let rows: i64 = row.await.unwrap().unwrap().try_get("", "rows").unwrap();
        assert_eq!(rows, 0, "{table}");
    }
}

#[tokio::test]
async fn a_purge_leaves_numbers_that_were_given_unused() {
    let (_folder, file) = folder();
    let store = store(&file).await;
    register(&store, 1).await;
    let claim = |at| store.claim(10, std::time::Duration::ZERO, at);
    let first = claim(now()).await.unwrap();
    store.remove(&[first[0].id]).await.unwrap();
    store.purge(now() + TimeDelta::days(30)).await.unwrap();
    register(&store, 2).await;
    let second = claim(now()).await.unwrap();
    assert!(
        second[0].id > first[0].id,
        "a late removal must not hit another row"
    );
}
