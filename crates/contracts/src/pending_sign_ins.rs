//! Cases of the `PendingSignIns` contract.

use lemon_domain::{
    ports::{PendingSignIn, SignInClaim},
    values::{RequestToken, Verifier},
};

use crate::{given, store::Store};
use crate::{race::race, subject::Subject};

/// Emits the cases for a function that makes a fresh, empty [`Subject<dyn Store>`](crate::Store).
#[macro_export]
macro_rules! pending_sign_ins_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::pending_sign_ins,
            $subject,
            [
                what_was_put_is_taken_exactly_and_by_one_claim,
                of_concurrent_claims_one_gets_it,
                the_same_claim_takes_again,
                of_concurrent_takes_of_one_claim_each_gets_it,
                what_was_discarded_is_gone,
                discarding_what_is_not_there_changes_nothing,
                what_was_never_put_is_none,
                a_later_one_does_not_touch_an_earlier_one,
                it_is_there_until_it_expires,
                from_its_expiry_on_it_is_gone,
                what_was_taken_may_be_put_and_taken_again,
                putting_a_pending_token_replaces_it,
            ]
        );
    };
}

fn token(n: u8) -> RequestToken {
    RequestToken::parse(format!("request-token-{n}")).unwrap()
}

fn pending(n: u8) -> PendingSignIn {
    PendingSignIn {
        token: token(n),
        secret: given::sealed(n),
        expires_at: given::now() + given::HOUR,
    }
}

fn claim(n: usize) -> SignInClaim {
    SignInClaim::of(&Verifier::parse(format!("verifier-{n}")).unwrap())
}

/// Contract 1.
pub async fn what_was_put_is_taken_exactly_and_by_one_claim(store: Subject<dyn Store>) {
    store.put(pending(1)).await.unwrap();
    let taken = store.take(&token(1), &claim(1), given::now()).await;
    assert_eq!(taken.unwrap(), Some(pending(1)));
    let by_another = store.take(&token(1), &claim(2), given::now()).await;
    assert_eq!(by_another.unwrap(), None);
}

/// Contract 1.
pub async fn of_concurrent_claims_one_gets_it(store: Subject<dyn Store>) {
    store.put(pending(1)).await.unwrap();
    let taken = race(20, |n| {
        let store = store.share();
        async move {
            let taken = store.take(&token(1), &claim(n), given::now()).await;
            taken.unwrap()
        }
    })
    .await;
    let got: Vec<_> = taken.into_iter().flatten().collect();
    assert_eq!(got, [pending(1)]);
}

/// Contract 6.
pub async fn the_same_claim_takes_again(store: Subject<dyn Store>) {
    store.put(pending(1)).await.unwrap();
    for _ in 0..3 {
        let taken = store.take(&token(1), &claim(1), given::now()).await;
        assert_eq!(taken.unwrap(), Some(pending(1)));
        let by_another = store.take(&token(1), &claim(2), given::now()).await;
        assert_eq!(by_another.unwrap(), None);
    }
    let expiry = pending(1).expires_at;
    let too_late = store.take(&token(1), &claim(1), expiry).await;
    assert_eq!(too_late.unwrap(), None);
}

/// Contract 6.
pub async fn of_concurrent_takes_of_one_claim_each_gets_it(store: Subject<dyn Store>) {
    store.put(pending(1)).await.unwrap();
    let taken = race(20, |_| {
        let store = store.share();
        async move {
            let taken = store.take(&token(1), &claim(1), given::now()).await;
            taken.unwrap()
        }
    })
    .await;
    assert!(taken.iter().all(|it| *it == Some(pending(1))), "{taken:?}");
}

/// Contract 7.
pub async fn what_was_discarded_is_gone(store: Subject<dyn Store>) {
    for n in 1..=2 {
        store.put(pending(n)).await.unwrap();
    }
    let taken = store.take(&token(1), &claim(1), given::now()).await;
    assert!(taken.unwrap().is_some());
    // One that was taken, and one that was not taken.
    for n in 1..=2 {
        store.discard(&token(n)).await.unwrap();
        let again = store.take(&token(n), &claim(1), given::now()).await;
        assert_eq!(again.unwrap(), None);
    }
}

/// Contract 7.
pub async fn discarding_what_is_not_there_changes_nothing(store: Subject<dyn Store>) {
    store.put(pending(1)).await.unwrap();
    store.discard(&token(2)).await.unwrap();
    let taken = store.take(&token(1), &claim(1), given::now()).await;
    assert_eq!(taken.unwrap(), Some(pending(1)));
}

/// Contract 1.
pub async fn what_was_never_put_is_none(store: Subject<dyn Store>) {
    store.put(pending(1)).await.unwrap();
    assert_eq!(
        store
            .take(&token(2), &claim(1), given::now())
            .await
            .unwrap(),
        None
    );
}

/// Contract 2.
pub async fn a_later_one_does_not_touch_an_earlier_one(store: Subject<dyn Store>) {
    for n in 0..50 {
        store.put(pending(n)).await.unwrap();
    }
    for n in 0..50 {
        let taken = store
            .take(&token(n), &claim(1), given::now())
            .await
            .unwrap();
        assert_eq!(taken, Some(pending(n)));
    }
}

/// Contract 3.
pub async fn it_is_there_until_it_expires(store: Subject<dyn Store>) {
    store.put(pending(1)).await.unwrap();
    let last_moment = pending(1).expires_at - given::MICROSECOND;
    let taken = store.take(&token(1), &claim(1), last_moment).await.unwrap();
    assert_eq!(taken, Some(pending(1)));
}

/// Contract 3.
pub async fn from_its_expiry_on_it_is_gone(store: Subject<dyn Store>) {
    store.put(pending(1)).await.unwrap();
    store.put(pending(2)).await.unwrap();
    let expiry = pending(1).expires_at;
    assert_eq!(
        store.take(&token(1), &claim(1), expiry).await.unwrap(),
        None
    );
    let later = expiry + given::DAY;
    assert_eq!(store.take(&token(2), &claim(1), later).await.unwrap(), None);
}

/// Contract 4.
pub async fn what_was_taken_may_be_put_and_taken_again(store: Subject<dyn Store>) {
    for n in 1..=3 {
        store.put(pending(1)).await.unwrap();
        let taken = store.take(&token(1), &claim(n), given::now()).await;
        assert_eq!(taken.unwrap(), Some(pending(1)));
        let by_the_former = store.take(&token(1), &claim(n - 1), given::now()).await;
        assert_eq!(by_the_former.unwrap(), None);
    }
}

/// Contract 5.
pub async fn putting_a_pending_token_replaces_it(store: Subject<dyn Store>) {
    store.put(pending(1)).await.unwrap();
    let replaced = PendingSignIn {
        secret: given::sealed(2),
        expires_at: pending(1).expires_at + given::HOUR,
        ..pending(1)
    };
    store.put(replaced.clone()).await.unwrap();
    let at = pending(1).expires_at;
    let taken = store.take(&token(1), &claim(1), at).await.unwrap();
    assert_eq!(taken, Some(replaced));
}
