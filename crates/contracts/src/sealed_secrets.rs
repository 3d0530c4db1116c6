//! Cases of the `SealedSecrets` contract.

use lemon_domain::{
    ports::{
        KeyUse, PendingSignIn, ResealedSecret, SecretOwner, SignIn, SignInClaim, StoredSecret,
    },
    sealing::Sealed,
    values::{RequestToken, Verifier},
};

use crate::{given, race::race, store::Store, subject::Subject};

/// Emits the cases for a function that makes a fresh, empty [`Subject<dyn Store>`](crate::Store).
#[macro_export]
macro_rules! sealed_secrets_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::sealed_secrets,
            $subject,
            [
                each_key_in_use_is_counted,
                erased_credentials_use_no_key,
                the_secrets_of_a_key_come_in_portions,
                a_secret_that_was_replaced_since_is_not_resealed,
                a_secret_that_is_gone_is_not_resealed,
                a_secret_is_resealed_once,
                a_resealed_secret_is_the_same_persons,
                a_resealed_sign_in_keeps_its_claim_and_its_expiry,
            ]
        );
    };
}

fn sealed_with(key_id: &str, n: u8) -> Sealed {
    Sealed {
        key_id: key_id.to_owned(),
        ..given::sealed(n)
    }
}

fn token(n: usize) -> RequestToken {
    RequestToken::parse(format!("token-{n}")).unwrap()
}

fn claim(verifier: &str) -> SignInClaim {
    SignInClaim::of(&Verifier::parse(verifier).unwrap())
}

async fn sign_in(store: &dyn Store, n: usize, credentials: Sealed) {
    let sign_in = SignIn {
        account: given::account(n),
        credentials,
        at: given::now(),
    };
    store.sign_in(sign_in).await.unwrap();
}

async fn begin(store: &dyn Store, n: usize, secret: Sealed) {
    let pending = PendingSignIn {
        token: token(n),
        secret,
        expires_at: given::now() + given::DAY,
    };
    store.put(pending).await.unwrap();
}

/// Every secret of a key.
async fn all(store: &dyn Store, key_id: &str) -> Vec<StoredSecret> {
    store.sealed_with(key_id, 0, 1_000).await.unwrap()
}

fn resealed(stored: &[StoredSecret], key_id: &str) -> Vec<ResealedSecret> {
    let with_key = |stored: &StoredSecret| ResealedSecret {
        stored: stored.clone(),
        fresh: sealed_with(key_id, 9),
    };
    stored.iter().map(with_key).collect()
}

fn used(key_id: &str, accounts: u64, sign_ins: u64) -> KeyUse {
    KeyUse {
        key_id: key_id.to_owned(),
        accounts,
        sign_ins,
    }
}

/// Contract 1.
pub async fn each_key_in_use_is_counted(store: Subject<dyn Store>) {
    assert_eq!(store.key_uses().await.unwrap(), []);
    for (n, key) in [(1, "b"), (2, "a"), (3, "b")] {
        sign_in(&*store, n, sealed_with(key, 1)).await;
    }
    for (n, key) in [(1, "b"), (2, "c")] {
        begin(&*store, n, sealed_with(key, 1)).await;
    }
    let expected = [used("a", 1, 0), used("b", 2, 1), used("c", 0, 1)];
    assert_eq!(store.key_uses().await.unwrap(), expected);
}

/// Contract 1.
pub async fn erased_credentials_use_no_key(store: Subject<dyn Store>) {
    for n in 1..=2 {
        sign_in(&*store, n, sealed_with("a", 1)).await;
    }
    let forgotten = store.forget(given::account(1), given::now()).await;
    assert!(forgotten.unwrap().is_some());
    assert_eq!(store.key_uses().await.unwrap(), [used("a", 1, 0)]);
    let owners: Vec<_> = all(&*store, "a")
        .await
        .into_iter()
        .map(|it| it.owner)
        .collect();
    assert_eq!(owners, [SecretOwner::Account(given::account(2))]);
    assert_eq!(all(&*store, "").await, []);
}

/// Contract 2.
pub async fn the_secrets_of_a_key_come_in_portions(store: Subject<dyn Store>) {
    for n in 1..=5 {
        sign_in(&*store, n, sealed_with("a", 1)).await;
        begin(&*store, n, sealed_with("a", 2)).await;
    }
    sign_in(&*store, 6, sealed_with("b", 3)).await;
    begin(&*store, 6, sealed_with("b", 4)).await;
    let whole = all(&*store, "a").await;
    assert_eq!(whole.len(), 10);
    for n in 1..=5 {
        for (owner, sealed) in [
            (SecretOwner::Account(given::account(n)), 1),
            (SecretOwner::SignIn(token(n)), 2),
        ] {
            let sealed = sealed_with("a", sealed);
            assert!(whole.contains(&StoredSecret { owner, sealed }), "{n}");
        }
    }
    for max in [1, 3, 4, 10] {
        let mut read = Vec::new();
        while let portion = store
            .sealed_with("a", read.len() as u64, max)
            .await
            .unwrap()
            && !portion.is_empty()
        {
            assert!(portion.len() as u64 <= max);
            read.extend(portion);
        }
        assert_eq!(read, whole, "in portions of {max}");
    }
    assert_eq!(all(&*store, "c").await, []);
}

/// Contract 3.
pub async fn a_secret_that_was_replaced_since_is_not_resealed(store: Subject<dyn Store>) {
    sign_in(&*store, 1, sealed_with("a", 1)).await;
    begin(&*store, 1, sealed_with("a", 1)).await;
    let read = all(&*store, "a").await;
    // By another key, and by the same one.
    sign_in(&*store, 1, sealed_with("b", 2)).await;
    begin(&*store, 1, sealed_with("a", 2)).await;
    assert_eq!(store.reseal(&resealed(&read, "c")).await.unwrap(), 0);
    let expected = [used("a", 0, 1), used("b", 1, 0)];
    assert_eq!(store.key_uses().await.unwrap(), expected);
    assert_eq!(all(&*store, "a").await[0].sealed, sealed_with("a", 2));
}

/// Contract 3.
pub async fn a_secret_that_is_gone_is_not_resealed(store: Subject<dyn Store>) {
    sign_in(&*store, 1, sealed_with("a", 1)).await;
    begin(&*store, 1, sealed_with("a", 1)).await;
    let read = all(&*store, "a").await;
    store.forget(given::account(1), given::now()).await.unwrap();
    store.discard(&token(1)).await.unwrap();
    assert_eq!(store.reseal(&resealed(&read, "b")).await.unwrap(), 0);
    assert_eq!(store.key_uses().await.unwrap(), []);
    assert_eq!(store.account(given::account(1)).await.unwrap(), None);
}

/// Contract 3.
pub async fn a_secret_is_resealed_once(store: Subject<dyn Store>) {
    for n in 1..=4 {
        sign_in(&*store, n, sealed_with("a", 1)).await;
    }
    let secrets = resealed(&all(&*store, "a").await, "b");
    let outcomes = race(8, |_| {
        let (store, secrets) = (store.share(), secrets.clone());
        async move { store.reseal(&secrets).await.unwrap() }
    })
    .await;
    assert_eq!(outcomes.iter().sum::<u64>(), 4, "{outcomes:?}");
    assert_eq!(store.key_uses().await.unwrap(), [used("b", 4, 0)]);
}

/// Contract 4.
pub async fn a_resealed_secret_is_the_same_persons(store: Subject<dyn Store>) {
    sign_in(&*store, 1, sealed_with("a", 1)).await;
    sign_in(&*store, 2, sealed_with("a", 2)).await;
    let before = store.account(given::account(1)).await.unwrap().unwrap();
    let mut secrets = all(&*store, "a").await;
    secrets.retain(|it| it.owner == SecretOwner::Account(given::account(1)));
    assert_eq!(store.reseal(&resealed(&secrets, "b")).await.unwrap(), 1);
    let after = store.account(given::account(1)).await.unwrap().unwrap();
    assert_eq!((after.user, after.account), (before.user, before.account));
    assert_eq!(after.credentials, sealed_with("b", 9));
    let other = store.account(given::account(2)).await.unwrap().unwrap();
    assert_eq!(other.credentials, sealed_with("a", 2));
}

/// Contract 4.
pub async fn a_resealed_sign_in_keeps_its_claim_and_its_expiry(store: Subject<dyn Store>) {
    begin(&*store, 1, sealed_with("a", 1)).await;
    let (mine, theirs) = (claim("mine"), claim("theirs"));
    let taken = store.take(&token(1), &mine, given::now()).await.unwrap();
    let secrets = resealed(&all(&*store, "a").await, "b");
    assert_eq!(store.reseal(&secrets).await.unwrap(), 1);
    let other = store.take(&token(1), &theirs, given::now()).await.unwrap();
    assert_eq!(other, None);
    let again = store.take(&token(1), &mine, given::now()).await.unwrap();
    let expected = taken.map(|it| PendingSignIn {
        secret: sealed_with("b", 9),
        ..it
    });
    assert_eq!(again, expected);
    let late = given::now() + given::DAY;
    assert_eq!(store.take(&token(1), &mine, late).await.unwrap(), None);
}
