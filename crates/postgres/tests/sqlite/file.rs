use std::time::{Duration, Instant};

use chrono::TimeDelta;
use lemon_domain::{
    ports::{Accounts, Outbox, PendingSignIn, PendingSignIns, Registrations, RequestOutcome},
    sealing::SealContext,
    values::{Credentials, RequestToken},
};
use lemon_postgres::{SqlStore, StoreConfig};
use sea_orm::{SqliteTransactionMode, TransactionOptions, TransactionTrait};
use secrecy::SecretString;

use super::{
    files::{config, folder, outsider, store},
    given::{keys, now, register, request, sign_in},
};

#[tokio::test]
async fn an_address_that_cannot_be_used_is_reported_without_its_password() {
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
async fn only_the_owner_can_access_the_files() {
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
        secret: keys().seal(SealContext::RequestTokenSecret(&token), &secret, [9; 24]),
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
async fn a_database_that_another_program_locks_is_reported_in_time_and_used_again_later() {
    let (_folder, file) = folder();
    let patient = store(&file).await;
    let identity = sign_in(&patient, 1, &Credentials::new("token", "secret")).await;
    let db = outsider(&file).await;
    let writing = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let config = config(&file).with_deadline(Duration::from_secs(1));
    let store = SqlStore::connect(&config).await.unwrap();
    let held = db.begin_with_options(writing).await.unwrap();
    let error = store.request(request(identity, 1)).await.unwrap_err();
    assert!(error.is_transient() && error.is_certain(), "{error:?}");
    let error = store.remove(&[1]).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(patient.account(identity.account).await.unwrap().is_some());
    held.rollback().await.unwrap();
    let mut again = store.request(request(identity, 1)).await;
    let give_up = Instant::now() + Duration::from_mins(1);
    while again.is_err() && Instant::now() < give_up {
        again = store.request(request(identity, 1)).await;
    }
    let outcome = again.unwrap();
    assert_eq!(outcome, RequestOutcome::Registered);
}
