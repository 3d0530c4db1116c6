use std::sync::Arc;

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{Accounts, Clock, KeyUse, PendingSignIn, PendingSignIns, SignIn},
    sealing::{SealContext, Sealed, SealingKeys},
    usecases::{ResealReport, Resealing},
    values::{Credentials, RequestToken},
};
use lemon_fakes::{FakeClock, MemoryStore, SequentialIds};

use crate::world::{account, sealing_keys};

const NONCE: [u8; 24] = [7; 24];

fn now() -> DateTime<Utc> {
    FakeClock::default().now()
}

fn resealing(store: &Arc<MemoryStore>, keys: &[&str]) -> Resealing {
    Resealing {
        secrets: store.clone(),
        keys: Arc::new(sealing_keys(keys)),
        ids: Arc::new(SequentialIds::default()),
    }
}

fn credentials(n: u32) -> Credentials {
    Credentials::new(format!("token-{n}"), format!("secret-{n}"))
}

async fn sign_in(store: &MemoryStore, keys: &SealingKeys, n: u32) {
    let sign_in = SignIn {
        account: account(n),
        credentials: keys.seal_credentials(account(n), &credentials(n), NONCE),
        at: now(),
    };
    store.sign_in(sign_in).await.unwrap();
}

async fn begin(store: &MemoryStore, keys: &SealingKeys, n: u32) {
    let token = RequestToken::parse(format!("token-{n}")).unwrap();
    let context = SealContext::RequestTokenSecret(&token);
    let secret = keys.seal(context, &format!("secret-{n}").into(), NONCE);
    let pending = PendingSignIn {
        token,
        secret,
        expires_at: now(),
    };
    store.put(pending).await.unwrap();
}

fn used(key_id: &str, accounts: u64, sign_ins: u64) -> KeyUse {
    KeyUse {
        key_id: key_id.to_owned(),
        accounts,
        sign_ins,
    }
}

#[tokio::test]
async fn everything_gets_the_first_key_and_stays_the_same_secret() {
    let store = Arc::new(MemoryStore::default());
    for n in 1..=250 {
        let keys = match n % 3 {
            0 => sealing_keys(&["old"]),
            1 => sealing_keys(&["older"]),
            _ => sealing_keys(&["new"]),
        };
        sign_in(&store, &keys, n).await;
        begin(&store, &keys, n).await;
    }
    let resealing = resealing(&store, &["new", "old", "older"]);
    let before = [
        used("new", 83, 83),
        used("old", 83, 83),
        used("older", 84, 84),
    ];
    assert_eq!(resealing.uses().await.unwrap(), before);
    let report = resealing.run().await.unwrap();
    let expected = ResealReport {
        resealed: 334,
        unreadable: 0,
    };
    assert_eq!(report, expected);
    assert_eq!(resealing.uses().await.unwrap(), [used("new", 250, 250)]);
    let keys = sealing_keys(&["new"]);
    for n in 1..=250 {
        let stored = store.account(account(n)).await.unwrap().unwrap();
        let opened = keys.open_credentials(account(n), &stored.credentials);
        assert_eq!(opened, Ok(credentials(n)));
    }
    // A second run has nothing to do.
    assert_eq!(resealing.run().await.unwrap(), ResealReport::default());
}

#[tokio::test]
async fn a_secret_that_does_not_open_is_counted_and_stops_nothing() {
    let store = Arc::new(MemoryStore::default());
    let old = sealing_keys(&["old"]);
    for n in 1..=120 {
        sign_in(&store, &old, n).await;
    }
    // Of another account, so it does not open.
    let altered = SignIn {
        account: account(3),
        credentials: old.seal_credentials(account(4), &credentials(4), NONCE),
        at: now(),
    };
    store.sign_in(altered).await.unwrap();
    sign_in(&store, &sealing_keys(&["lost"]), 121).await;
    let resealing = resealing(&store, &["new", "old"]);
    let report = resealing.run().await.unwrap();
    let expected = ResealReport {
        resealed: 119,
        unreadable: 2,
    };
    assert_eq!(report, expected);
    let after = [used("lost", 1, 0), used("new", 119, 0), used("old", 1, 0)];
    assert_eq!(resealing.uses().await.unwrap(), after);
}

#[tokio::test]
async fn each_seal_has_a_nonce_of_its_own() {
    let store = Arc::new(MemoryStore::default());
    for n in 1..=2 {
        sign_in(&store, &sealing_keys(&["old"]), n).await;
    }
    resealing(&store, &["new", "old"]).run().await.unwrap();
    let nonce = async |n| {
        let stored = store.account(account(n)).await.unwrap().unwrap();
        let Sealed { data, .. } = stored.credentials;
        data[..24].to_vec()
    };
    assert_ne!(nonce(1).await, nonce(2).await);
}
