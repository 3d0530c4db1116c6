//! Cases of the `PendingSignIns` contract.

use lemon_domain::{
    ports::{CompletedSignIn, PendingSignIn, SignInClaim},
    values::{Identity, RequestToken, UserId, Verifier},
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
                a_pending_sign_in_is_taken_unchanged_and_by_one_claim,
                one_of_concurrent_claims_gets_the_sign_in,
                the_same_claim_can_take_the_sign_in_again,
                each_of_concurrent_takes_with_one_claim_gets_the_sign_in,
                a_discarded_sign_in_cannot_be_taken,
                discarding_a_missing_sign_in_changes_nothing,
                a_sign_in_that_was_never_put_is_none,
                a_later_sign_in_does_not_change_an_earlier_one,
                a_sign_in_can_be_taken_until_it_expires,
                a_sign_in_cannot_be_taken_from_its_expiry_on,
                a_sign_in_that_was_taken_can_be_put_and_taken_again,
                putting_a_pending_token_replaces_it,
                a_completed_sign_in_is_answered_to_its_claim_for_a_while,
                a_completed_sign_in_cannot_be_taken,
                a_refused_repetition_does_not_undo_a_completed_sign_in,
                a_sign_in_that_a_repetition_discarded_can_be_completed,
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
pub async fn a_pending_sign_in_is_taken_unchanged_and_by_one_claim(store: Subject<dyn Store>) {
    store.put(pending(1)).await.unwrap();
    let taken = store.take(&token(1), &claim(1), given::now()).await;
    assert_eq!(taken.unwrap(), Some(pending(1)));
    let by_another = store.take(&token(1), &claim(2), given::now()).await;
    assert_eq!(by_another.unwrap(), None);
}

/// Contract 1.
pub async fn one_of_concurrent_claims_gets_the_sign_in(store: Subject<dyn Store>) {
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
pub async fn the_same_claim_can_take_the_sign_in_again(store: Subject<dyn Store>) {
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
pub async fn each_of_concurrent_takes_with_one_claim_gets_the_sign_in(store: Subject<dyn Store>) {
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
pub async fn a_discarded_sign_in_cannot_be_taken(store: Subject<dyn Store>) {
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
pub async fn discarding_a_missing_sign_in_changes_nothing(store: Subject<dyn Store>) {
    store.put(pending(1)).await.unwrap();
    store.discard(&token(2)).await.unwrap();
    let taken = store.take(&token(1), &claim(1), given::now()).await;
    assert_eq!(taken.unwrap(), Some(pending(1)));
}

/// Contract 1.
pub async fn a_sign_in_that_was_never_put_is_none(store: Subject<dyn Store>) {
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
pub async fn a_later_sign_in_does_not_change_an_earlier_one(store: Subject<dyn Store>) {
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
pub async fn a_sign_in_can_be_taken_until_it_expires(store: Subject<dyn Store>) {
    store.put(pending(1)).await.unwrap();
    let last_moment = pending(1).expires_at - given::MICROSECOND;
    let taken = store.take(&token(1), &claim(1), last_moment).await.unwrap();
    assert_eq!(taken, Some(pending(1)));
}

/// Contract 3.
pub async fn a_sign_in_cannot_be_taken_from_its_expiry_on(store: Subject<dyn Store>) {
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
pub async fn a_sign_in_that_was_taken_can_be_put_and_taken_again(store: Subject<dyn Store>) {
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

fn completed(n: u8) -> CompletedSignIn {
    CompletedSignIn {
        token: token(n),
        claim: claim(1),
        identity: Identity {
            user: UserId::new(i64::from(n)),
            account: given::account(usize::from(n)),
        },
        at: given::now(),
        answered_until: given::now() + given::HOUR,
    }
}

/// Contract 8.
pub async fn a_completed_sign_in_is_answered_to_its_claim_for_a_while(store: Subject<dyn Store>) {
    let until = completed(1).answered_until;
    let last_moment = until - given::MICROSECOND;
    store.put(pending(1)).await.unwrap();
    let before = store.completed(&token(1), &claim(1), given::now()).await;
    assert_eq!(before.unwrap(), None);
    store.complete(completed(1)).await.unwrap();
    for (claim, at, expected) in [
        (claim(1), given::now(), Some(completed(1).identity)),
        (claim(1), last_moment, Some(completed(1).identity)),
        (claim(1), until, None),
        (claim(2), given::now(), None),
    ] {
        let answered = store.completed(&token(1), &claim, at).await;
        assert_eq!(answered.unwrap(), expected);
    }
    let other = store.completed(&token(2), &claim(1), given::now()).await;
    assert_eq!(other.unwrap(), None);
}

/// Contract 8.
pub async fn a_completed_sign_in_cannot_be_taken(store: Subject<dyn Store>) {
    store.put(pending(1)).await.unwrap();
    let taken = store.take(&token(1), &claim(1), given::now()).await;
    assert!(taken.unwrap().is_some());
    store.complete(completed(1)).await.unwrap();
    for n in 1..=2 {
        let again = store.take(&token(1), &claim(n), given::now()).await;
        assert_eq!(again.unwrap(), None);
    }
}

/// Contract 9.
pub async fn a_refused_repetition_does_not_undo_a_completed_sign_in(store: Subject<dyn Store>) {
    store.complete(completed(1)).await.unwrap();
    store.discard(&token(1)).await.unwrap();
    store.put(pending(1)).await.unwrap();
    let answered = store.completed(&token(1), &claim(1), given::now()).await;
    assert_eq!(answered.unwrap(), Some(completed(1).identity));
    let taken = store.take(&token(1), &claim(1), given::now()).await;
    assert_eq!(taken.unwrap(), None);
}

/// Contract 9.
pub async fn a_sign_in_that_a_repetition_discarded_can_be_completed(store: Subject<dyn Store>) {
    store.put(pending(1)).await.unwrap();
    store.discard(&token(1)).await.unwrap();
    store.complete(completed(1)).await.unwrap();
    let answered = store.completed(&token(1), &claim(1), given::now()).await;
    assert_eq!(answered.unwrap(), Some(completed(1).identity));
}
