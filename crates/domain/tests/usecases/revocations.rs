use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use lemon_domain::{
    ports::{
        Clock, NumberedRevocation, Revocation, Revocations, RevokedTokens, StoreError, TokenDigest,
    },
    usecases::RevocationsInForce,
    values::UserId,
};
use lemon_fakes::{FakeClock, MemoryStore};
use parking_lot::Mutex;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Replicas that share a store and a clock.
struct Replicas {
    clock: Arc<FakeClock>,
    store: Arc<MemoryStore>,
}

impl Replicas {
    fn new() -> Self {
        let clock = Arc::new(FakeClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        Self { clock, store }
    }

    fn start(&self) -> RevocationsInForce {
        RevocationsInForce::new(self.store.clone(), self.clock.clone())
    }

    fn revocation(&self, tokens: RevokedTokens) -> Revocation {
        let at = self.clock.now();
        Revocation {
            tokens,
            at,
            expires_at: at + HOUR,
        }
    }
}

fn digest(n: u8) -> TokenDigest {
    TokenDigest([n; 32])
}

fn one(n: u8) -> RevokedTokens {
    RevokedTokens::One(digest(n))
}

/// Whether the `n`-th token of a person, which was issued long ago, is revoked.
fn is_revoked(replica: &RevocationsInForce, n: u8) -> bool {
    replica.is_revoked(|| digest(n), UserId::new(1), Some(0))
}

#[tokio::test]
async fn a_revoked_token_is_refused_here_at_once_and_elsewhere_after_the_next_look() {
    let replicas = Replicas::new();
    let (here, there) = (replicas.start(), replicas.start());
    there.refresh().await.unwrap();
    here.revoke(replicas.revocation(one(1))).await.unwrap();
    assert!(is_revoked(&here, 1));
    assert!(!is_revoked(&there, 1));
    there.refresh().await.unwrap();
    assert!(is_revoked(&there, 1));
    assert!(!is_revoked(&there, 2));
    // One that starts later knows it, too.
    let late = replicas.start();
    late.refresh().await.unwrap();
    assert!(is_revoked(&late, 1));
}

#[tokio::test]
async fn all_tokens_of_a_person_until_the_second_of_the_revocation_are_refused() {
    let replicas = Replicas::new();
    let replica = replicas.start();
    let user = UserId::new(1);
    assert_eq!(replica.good_from(user), None);
    let revocation = replicas.revocation(RevokedTokens::AllOf(user));
    replica.revoke(revocation).await.unwrap();
    let at = revocation.at.timestamp();
    for (issued_at, expected) in [
        (None, true),
        (Some(at - 1), true),
        (Some(at), true),
        (Some(at + 1), false),
    ] {
        let is_revoked = replica.is_revoked(|| digest(1), user, issued_at);
        assert_eq!(is_revoked, expected, "{issued_at:?}");
        assert!(!replica.is_revoked(|| digest(1), UserId::new(2), issued_at));
    }
    assert_eq!(replica.good_from(user), Some(at + 1));
}

#[tokio::test]
async fn an_earlier_revocation_that_is_read_later_changes_nothing() {
    let replicas = Replicas::new();
    let replica = replicas.start();
    let user = UserId::new(1);
    let earlier = replicas.revocation(RevokedTokens::AllOf(user));
    replicas.clock.advance(HOUR / 2);
    let later = replicas.revocation(RevokedTokens::AllOf(user));
    replica.revoke(later).await.unwrap();
    replicas.store.revoke(&earlier).await.unwrap();
    replica.refresh().await.unwrap();
    assert_eq!(replica.good_from(user), Some(later.at.timestamp() + 1));
}

#[tokio::test]
async fn revocations_are_forgotten_when_the_tokens_have_expired() {
    let replicas = Replicas::new();
    let replica = replicas.start();
    let user = UserId::new(1);
    for tokens in [one(1), RevokedTokens::AllOf(user)] {
        let revocation = replicas.revocation(tokens);
        replica.revoke(revocation).await.unwrap();
    }
    replicas.clock.advance(HOUR);
    // They may still be in the store.
    replica.refresh().await.unwrap();
    assert!(!is_revoked(&replica, 1));
    assert_eq!(replica.good_from(user), None);
}

#[tokio::test]
async fn more_than_a_portion_is_read_at_once() {
    let replicas = Replicas::new();
    for n in 0..2_500_u32 {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&n.to_be_bytes());
        let tokens = RevokedTokens::One(TokenDigest(digest));
        replicas
            .store
            .revoke(&replicas.revocation(tokens))
            .await
            .unwrap();
    }
    let replica = replicas.start();
    replica.refresh().await.unwrap();
    for n in [0, 999, 1_000, 2_499_u32] {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&n.to_be_bytes());
        assert!(replica.is_revoked(|| TokenDigest(digest), UserId::new(1), None));
    }
}

/// A store in which a transaction commits after a later one, and which says from where it was asked.
#[derive(Default)]
struct Slow {
    rows: Mutex<Vec<NumberedRevocation>>,
    asked: Mutex<Vec<i64>>,
}

#[async_trait]
impl Revocations for Slow {
    async fn revoke(&self, _: &Revocation) -> Result<(), StoreError> {
        Ok(())
    }

    async fn revocations(&self, after: i64) -> Result<Vec<NumberedRevocation>, StoreError> {
        self.asked.lock().push(after);
        let rows = self.rows.lock();
        Ok(rows
            .iter()
            .filter(|it| it.number > after)
            .copied()
            .collect())
    }
}

#[tokio::test]
async fn a_revocation_whose_transaction_took_long_is_not_missed() {
    let replicas = Replicas::new();
    let store = Arc::new(Slow::default());
    let replica = RevocationsInForce::new(store.clone(), replicas.clock.clone());
    let numbered = |number, n| NumberedRevocation {
        number,
        revocation: replicas.revocation(one(n)),
    };
    store.rows.lock().push(numbered(5_000, 1));
    replica.refresh().await.unwrap();
    store.rows.lock().insert(0, numbered(4_999, 2));
    replica.refresh().await.unwrap();
    assert!(is_revoked(&replica, 1) && is_revoked(&replica, 2));
    // What was read long ago is not read again.
    replicas.clock.advance(Duration::from_secs(30));
    replica.refresh().await.unwrap();
    assert_eq!(store.asked.lock().last(), Some(&5_000));
}
