//! Cases of the `Accounts` contract.

use std::collections::HashSet;

use lemon_domain::{
    ports::{SignIn, StoredAccount},
    sealing::Sealed,
};

use crate::{given, store::Store};
use crate::{race::race, subject::Subject};

/// Emits the cases for a function that makes a fresh, empty [`Subject<dyn Store>`](crate::Store).
#[macro_export]
macro_rules! accounts_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::accounts,
            $subject,
            [
                concurrent_first_sign_ins_of_one_account_make_one_person,
                a_later_sign_in_answers_the_same_person_and_replaces_the_credentials,
                concurrent_sign_ins_leave_the_credentials_of_one_of_them,
                two_accounts_belong_to_two_people,
                concurrent_first_sign_ins_of_many_accounts_make_as_many_people,
                the_data_of_a_sign_in_is_read_back_exactly,
                an_account_that_never_signed_in_is_none,
                several_accounts_are_read_back_once_each_without_others,
                the_needed_sealing_keys_are_those_of_the_stored_credentials,
            ]
        );
    };
}

fn sign_in(n: usize, credentials: Sealed) -> SignIn {
    SignIn {
        account: given::account(n),
        credentials,
        at: given::now(),
    }
}

/// Contract 1.
pub async fn concurrent_first_sign_ins_of_one_account_make_one_person(store: Subject<dyn Store>) {
    let people: HashSet<_> = race(50, |_| {
        let store = store.share();
        async move { store.sign_in(sign_in(1, given::sealed(0))).await.unwrap() }
    })
    .await
    .into_iter()
    .collect();
    assert_eq!(people.len(), 1);
    let stored = store.account(given::account(1)).await.unwrap().unwrap();
    assert!(people.contains(&stored.user));
}

/// Contract 2.
pub async fn a_later_sign_in_answers_the_same_person_and_replaces_the_credentials(
    store: Subject<dyn Store>,
) {
    let first = store.sign_in(sign_in(1, given::sealed(1))).await.unwrap();
    let mut later = sign_in(1, given::sealed(2));
    later.at += given::DAY;
    assert_eq!(store.sign_in(later).await.unwrap(), first);
    let stored = store.account(given::account(1)).await.unwrap().unwrap();
    assert_eq!(stored.credentials, given::sealed(2));
}

/// Contract 2.
pub async fn concurrent_sign_ins_leave_the_credentials_of_one_of_them(store: Subject<dyn Store>) {
    store.sign_in(sign_in(1, given::sealed(0))).await.unwrap();
    race(20, |i| {
        let store = store.share();
        let credentials = given::sealed(u8::try_from(i).unwrap() + 1);
        async move { store.sign_in(sign_in(1, credentials)).await.unwrap() }
    })
    .await;
    let stored = store.account(given::account(1)).await.unwrap().unwrap();
    assert!((1..=20).any(|n| stored.credentials == given::sealed(n)));
}

/// Contract 3.
pub async fn two_accounts_belong_to_two_people(store: Subject<dyn Store>) {
    let one = store.sign_in(sign_in(1, given::sealed(1))).await.unwrap();
    let two = store.sign_in(sign_in(2, given::sealed(2))).await.unwrap();
    assert_ne!(one, two);
    let stored = store.account(given::account(1)).await.unwrap().unwrap();
    assert_eq!((stored.user, stored.credentials), (one, given::sealed(1)));
}

/// Contract 3.
pub async fn concurrent_first_sign_ins_of_many_accounts_make_as_many_people(
    store: Subject<dyn Store>,
) {
    let people: HashSet<_> = race(50, |i| {
        let store = store.share();
        let sign_in = sign_in(i + 1, given::sealed(0));
        async move { store.sign_in(sign_in).await.unwrap() }
    })
    .await
    .into_iter()
    .collect();
    assert_eq!(people.len(), 50);
}

/// Contract 4.
pub async fn the_data_of_a_sign_in_is_read_back_exactly(store: Subject<dyn Store>) {
    let account = given::account(usize::try_from(i64::MAX).unwrap());
    let sign_in = SignIn {
        account,
        credentials: given::sealed(7),
        at: given::now(),
    };
    let user = store.sign_in(sign_in).await.unwrap();
    let expected = StoredAccount {
        user,
        account,
        credentials: given::sealed(7),
    };
    assert_eq!(store.account(account).await.unwrap(), Some(expected));
}

/// Contract 4.
pub async fn an_account_that_never_signed_in_is_none(store: Subject<dyn Store>) {
    store.sign_in(sign_in(1, given::sealed(0))).await.unwrap();
    assert_eq!(store.account(given::account(2)).await.unwrap(), None);
}

/// Contract 4.
pub async fn several_accounts_are_read_back_once_each_without_others(store: Subject<dyn Store>) {
    for n in 1..=4 {
        let credentials = given::sealed(u8::try_from(n).unwrap());
        store.sign_in(sign_in(n, credentials)).await.unwrap();
    }
    let asked = [3, 1, 3, 99].map(given::account);
    let mut found = store.accounts(&asked).await.unwrap();
    found.sort_unstable_by_key(|stored| stored.account);
    let mut expected = Vec::new();
    for n in [1, 3] {
        expected.extend(store.account(given::account(n)).await.unwrap());
    }
    assert_eq!(found, expected);
    assert_eq!(found.len(), 2);
    assert_eq!(store.accounts(&[]).await.unwrap(), []);
}

/// Contract 5.
pub async fn the_needed_sealing_keys_are_those_of_the_stored_credentials(
    store: Subject<dyn Store>,
) {
    let sealed_with = |key_id: &str| Sealed {
        key_id: key_id.to_owned(),
        ..given::sealed(1)
    };
    assert_eq!(store.sealing_key_ids().await.unwrap(), [""; 0]);
    for (n, key) in [(1, "k2"), (2, "k1"), (3, "k2"), (4, "k0")] {
        store.sign_in(sign_in(n, sealed_with(key))).await.unwrap();
    }
    assert_eq!(store.sealing_key_ids().await.unwrap(), ["k0", "k1", "k2"]);
    store.sign_in(sign_in(4, sealed_with("k1"))).await.unwrap();
    assert_eq!(store.sealing_key_ids().await.unwrap(), ["k1", "k2"]);
}
