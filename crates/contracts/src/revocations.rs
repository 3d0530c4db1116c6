//! Cases of the `Revocations` contract.

use lemon_domain::{
    ports::{Expiring, PURGE_SLACK, REVOCATION_PORTION, Revocation, RevokedTokens, TokenDigest},
    values::UserId,
};

use crate::{given, race::race, store::Store, subject::Subject};

/// Emits the cases for a function that makes a fresh, empty [`Subject<dyn Store>`](crate::Store).
#[macro_export]
macro_rules! revocations_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::revocations,
            $subject,
            [
                a_revocation_is_listed_unchanged_and_after_those_before,
                concurrent_revocations_are_all_listed,
                revocations_are_listed_in_portions,
                a_person_has_one_revocation_and_a_later_one_is_new,
                a_token_is_revoked_once,
                an_expired_revocation_is_listed_until_it_is_purged,
            ]
        );
    };
}

fn token(n: usize) -> Revocation {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&n.to_be_bytes());
    of(RevokedTokens::One(TokenDigest(digest)))
}

fn person(n: i64) -> Revocation {
    of(RevokedTokens::AllOf(UserId::new(n)))
}

fn of(tokens: RevokedTokens) -> Revocation {
    Revocation {
        tokens,
        at: given::now(),
        expires_at: given::now() + given::DAY,
    }
}

async fn listed(store: &dyn Store) -> Vec<Revocation> {
    let all = store.revocations(0).await.unwrap();
    assert!(all.is_sorted_by(|one, next| one.number < next.number));
    all.into_iter().map(|it| it.revocation).collect()
}

/// Contract 1.
pub async fn a_revocation_is_listed_unchanged_and_after_those_before(store: Subject<dyn Store>) {
    assert_eq!(listed(&*store).await, []);
    for revocation in [token(1), person(1), token(2), person(2)] {
        let before = store.revocations(0).await.unwrap();
        store.revoke(&revocation).await.unwrap();
        let last = before.last().map_or(0, |last| last.number);
        let new = store.revocations(last).await.unwrap();
        assert_eq!(new.len(), 1);
        assert_eq!(new[0].revocation, revocation);
    }
    let all = [token(1), person(1), token(2), person(2)];
    assert_eq!(listed(&*store).await, all);
}

/// Contract 1.
pub async fn concurrent_revocations_are_all_listed(store: Subject<dyn Store>) {
    race(20, |n| {
        let store = store.share();
        async move { store.revoke(&token(n)).await.unwrap() }
    })
    .await;
    let listed = listed(&*store).await;
    assert!((0..20).all(|n| listed.contains(&token(n))), "{listed:?}");
}

/// Contract 2.
pub async fn revocations_are_listed_in_portions(store: Subject<dyn Store>) {
    let portion = REVOCATION_PORTION as usize;
    for n in 0..portion + 3 {
        store.revoke(&token(n)).await.unwrap();
    }
    let first = store.revocations(0).await.unwrap();
    assert_eq!(first.len(), portion);
    let rest = store.revocations(first[portion - 1].number).await.unwrap();
    let rest: Vec<_> = rest.into_iter().map(|it| it.revocation).collect();
    assert_eq!(
        rest,
        [token(portion), token(portion + 1), token(portion + 2)]
    );
}

/// Contract 3.
pub async fn a_person_has_one_revocation_and_a_later_one_is_new(store: Subject<dyn Store>) {
    store.revoke(&person(1)).await.unwrap();
    let before = store.revocations(0).await.unwrap();
    let later = Revocation {
        at: given::now() + given::HOUR,
        ..person(1)
    };
    store.revoke(&later).await.unwrap();
    assert_eq!(listed(&*store).await, [later]);
    let new = store.revocations(before[0].number).await.unwrap();
    assert_eq!(new.len(), 1);
}

/// Contract 4.
pub async fn a_token_is_revoked_once(store: Subject<dyn Store>) {
    store.revoke(&token(1)).await.unwrap();
    let before = store.revocations(0).await.unwrap();
    let again = Revocation {
        at: given::now() + given::HOUR,
        ..token(1)
    };
    store.revoke(&again).await.unwrap();
    assert_eq!(store.revocations(0).await.unwrap(), before);
}

/// Contract 5.
pub async fn an_expired_revocation_is_listed_until_it_is_purged(store: Subject<dyn Store>) {
    store.revoke(&token(1)).await.unwrap();
    let later = Revocation {
        expires_at: given::now() + 2 * given::DAY,
        ..person(1)
    };
    store.revoke(&later).await.unwrap();
    let expired = token(1).expires_at + PURGE_SLACK;
    let early = expired - given::MICROSECOND;
    assert_eq!(
        store
            .purge(Expiring::Revocations, early)
            .await
            .unwrap()
            .rows,
        0
    );
    assert_eq!(listed(&*store).await, [token(1), later]);
    assert_eq!(
        store
            .purge(Expiring::Revocations, expired)
            .await
            .unwrap()
            .rows,
        1
    );
    assert_eq!(listed(&*store).await, [later]);
}
