//! Cases of the `PendingSignIns` contract.

use lemon_domain::{ports::PendingSignIn, values::RequestToken};

use super::{Store, given};
use crate::{Subject, race};

/// Emits the cases for a function that makes a fresh, empty [`Subject<dyn Store>`](crate::suites::Store).
#[macro_export]
macro_rules! pending_sign_ins_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::suites::pending_sign_ins,
            $subject,
            [
                what_was_put_is_taken_exactly_and_once,
                of_concurrent_takes_one_gets_it,
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

/// Contract 1.
pub async fn what_was_put_is_taken_exactly_and_once(store: Subject<dyn Store>) {
    store.put(pending(1)).await.unwrap();
    let taken = store.take(&token(1), given::now()).await.unwrap();
    assert_eq!(taken, Some(pending(1)));
    assert_eq!(store.take(&token(1), given::now()).await.unwrap(), None);
}

/// Contract 1.
pub async fn of_concurrent_takes_one_gets_it(store: Subject<dyn Store>) {
    store.put(pending(1)).await.unwrap();
    let taken = race(20, |_| {
        let store = store.share();
        async move { store.take(&token(1), given::now()).await.unwrap() }
    })
    .await;
    let got: Vec<_> = taken.into_iter().flatten().collect();
    assert_eq!(got, [pending(1)]);
}

/// Contract 1.
pub async fn what_was_never_put_is_none(store: Subject<dyn Store>) {
    store.put(pending(1)).await.unwrap();
    assert_eq!(store.take(&token(2), given::now()).await.unwrap(), None);
}

/// Contract 2.
pub async fn a_later_one_does_not_touch_an_earlier_one(store: Subject<dyn Store>) {
    for n in 0..50 {
        store.put(pending(n)).await.unwrap();
    }
    for n in 0..50 {
        let taken = store.take(&token(n), given::now()).await.unwrap();
        assert_eq!(taken, Some(pending(n)));
    }
}

/// Contract 3.
pub async fn it_is_there_until_it_expires(store: Subject<dyn Store>) {
    store.put(pending(1)).await.unwrap();
    let last_moment = pending(1).expires_at - given::MICROSECOND;
    let taken = store.take(&token(1), last_moment).await.unwrap();
    assert_eq!(taken, Some(pending(1)));
}

/// Contract 3.
pub async fn from_its_expiry_on_it_is_gone(store: Subject<dyn Store>) {
    store.put(pending(1)).await.unwrap();
    store.put(pending(2)).await.unwrap();
    let expiry = pending(1).expires_at;
    assert_eq!(store.take(&token(1), expiry).await.unwrap(), None);
    let later = expiry + given::DAY;
    assert_eq!(store.take(&token(2), later).await.unwrap(), None);
}

/// Contract 4.
pub async fn what_was_taken_may_be_put_and_taken_again(store: Subject<dyn Store>) {
    for _ in 0..3 {
        store.put(pending(1)).await.unwrap();
        let taken = store.take(&token(1), given::now()).await.unwrap();
        assert_eq!(taken, Some(pending(1)));
    }
    assert_eq!(store.take(&token(1), given::now()).await.unwrap(), None);
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
    assert_eq!(store.take(&token(1), at).await.unwrap(), Some(replaced));
    assert_eq!(store.take(&token(1), at).await.unwrap(), None);
}
