//! Contract 7 and 9: numbers of people, and callers at one time.

use std::collections::HashSet;

use lemon_domain::{
    ports::{Arrival, SignIn},
    values::UserId,
};

use super::{NUMBER, bring, bring_new, listed, person};
use crate::{given, race::race, store::Store, subject::Subject};

/// Contract 7.
pub async fn a_person_who_signs_up_later_has_a_higher_id(store: Subject<dyn Store>) {
    let highest = person(7).user;
    store.reserve_ids(highest).await.unwrap();
    bring(&*store, &[person(7), person(3)]).await;
    for n in 11..=13 {
        assert!(given::person(&*store, n).await.user > highest);
    }
}

/// Contract 7.
pub async fn a_reserved_number_is_not_given_and_a_lower_one_changes_nothing(
    store: Subject<dyn Store>,
) {
    let first = given::person(&*store, 1).await.user;
    store.reserve_ids(UserId::new(500)).await.unwrap();
    let second = given::person(&*store, 2).await.user;
    assert_eq!(second, UserId::new(501));
    for lower in [second, UserId::new(500), first] {
        store.reserve_ids(lower).await.unwrap();
    }
    let third = given::person(&*store, 3).await.user;
    assert_eq!(third, UserId::new(502));
}

/// Contract 9.
pub async fn concurrent_imports_store_each_person_once(store: Subject<dyn Store>) {
    let answers = race(8, |_| {
        let store = store.share();
        async move {
            let people: Vec<_> = (1..=20).map(person).collect();
            bring(&*store, &people).await
        }
    })
    .await;
    for n in 0..20 {
        let of_one = answers.iter().map(|answer| &answer[n]);
        let added = of_one.filter(|it| it.arrival == Arrival::Added);
        assert_eq!(added.count(), 1);
    }
    for n in 1..=20 {
        assert_eq!(listed(&*store, person(n).user).await.len(), 1);
    }
}

/// Contract 9: whoever is first, the person has one number, and their registration is theirs.
pub async fn an_import_beside_sign_ins_stores_each_person_once(store: Subject<dyn Store>) {
    store.reserve_ids(UserId::new(NUMBER + 100)).await.unwrap();
    race(17, |i| {
        let store = store.share();
        async move {
            if i == 0 {
                for n in 1..=16 {
                    bring(&*store, &[person(n)]).await;
                }
                return;
            }
            let sign_in = SignIn {
                account: given::account(i),
                credentials: given::sealed(9),
                at: given::now(),
            };
            store.sign_in(sign_in).await.unwrap();
        }
    })
    .await;
    let mut users = HashSet::new();
    for n in 1..=16 {
        let stored = store.account(given::account(n)).await.unwrap().unwrap();
        assert!(users.insert(stored.user));
        assert_eq!(listed(&*store, stored.user).await.len(), 1);
    }
    bring_new(&*store, &person(20)).await;
}
