//! Contract 1 to 3: who is new is stored, and what is here stays.

use lemon_domain::{
    ports::{
        Arrival, Expiring, FinishOutcome, ImportedAccount, ImportedPerson, SignIn, StoredAccount,
    },
    values::{AccountId, Registration},
};

use super::{bring, bring_new, brought, identity, listed, person, registration};
use crate::{
    given::{self, DAY},
    store::Store,
    subject::Subject,
};

async fn stored(store: &dyn Store, account: AccountId) -> StoredAccount {
    store.account(account).await.unwrap().unwrap()
}

/// Contract 1.
pub async fn an_unknown_person_is_stored_with_their_id(store: Subject<dyn Store>) {
    let new = person(1);
    let who = bring_new(&*store, &new).await;
    let expected = StoredAccount {
        user: new.user,
        account: who.account,
        credentials: given::sealed(1),
    };
    assert_eq!(stored(&*store, who.account).await, expected);
    let shown = new.registrations[0].shown.clone();
    assert_eq!(listed(&*store, who.user).await, [shown]);
    // They sign in as who they are.
    assert_eq!(given::person(&*store, 1).await, who);
}

/// Contract 1.
pub async fn bringing_no_people_stores_nothing(store: Subject<dyn Store>) {
    assert_eq!(bring(&*store, &[]).await, []);
    assert_eq!(store.compare(&[]).await.unwrap(), []);
}

/// Contract 1.
pub async fn many_people_are_stored_in_one_step(store: Subject<dyn Store>) {
    let mut many: Vec<_> = (1..=200).map(person).collect();
    for (n, it) in (0..).zip(&mut many) {
        if n % 2 == 0 {
            it.registrations.clear();
        }
    }
    let answers = bring(&*store, &many).await;
    let expected = many
        .iter()
        .map(|it| brought(Arrival::Added, !it.registrations.is_empty()));
    assert_eq!(answers, expected.collect::<Vec<_>>());
    for it in &many {
        let account = stored(&*store, it.accounts[0].account).await;
        assert_eq!(account.user, it.user);
        let shown: Vec<Registration> = it.registrations.iter().map(|it| it.shown.clone()).collect();
        assert_eq!(listed(&*store, it.user).await, shown);
    }
}

/// Contract 1.
pub async fn a_person_may_have_several_accounts(store: Subject<dyn Store>) {
    let mut new = person(1);
    new.accounts.push(ImportedAccount {
        account: given::account(2),
        credentials: given::sealed(2),
    });
    bring_new(&*store, &new).await;
    for it in &new.accounts {
        let stored = stored(&*store, it.account).await;
        assert_eq!(
            (stored.user, stored.credentials),
            (new.user, it.credentials.clone())
        );
    }
    // The registration is of the latest one: a message about it finds the registration.
    let finish = async |n| {
        let ready = given::ready(given::account(n));
        let spare = given::request_id(99);
        store.finish(&ready, spare, given::now()).await.unwrap()
    };
    assert_eq!(finish(1).await, FinishOutcome::AlreadyFinished);
    assert_eq!(finish(2).await, FinishOutcome::NotRegistered);
}

/// Contract 2.
pub async fn a_person_who_was_imported_before_stays_unchanged(store: Subject<dyn Store>) {
    let first = person(1);
    let who = bring_new(&*store, &first).await;
    let mut again = first.clone();
    again.accounts[0].credentials = given::sealed(2);
    again.registrations[0].shown = Registration {
        request_id: given::request_id(2),
        public: false,
        can_use_at: given::now(),
        ..first.registrations[0].shown.clone()
    };
    let answer = bring(&*store, &[again]).await;
    assert_eq!(answer, [brought(Arrival::Known, false)]);
    let credentials = stored(&*store, who.account).await.credentials;
    assert_eq!(credentials, given::sealed(1));
    let shown = first.registrations[0].shown.clone();
    assert_eq!(listed(&*store, who.user).await, [shown]);
}

/// Contract 2.
pub async fn a_person_who_has_signed_in_since_keeps_the_newer_credentials(
    store: Subject<dyn Store>,
) {
    let who = bring_new(&*store, &person(1)).await;
    let sign_in = SignIn {
        account: who.account,
        credentials: given::sealed(7),
        at: given::now(),
    };
    assert_eq!(store.sign_in(sign_in).await.unwrap(), who.user);
    bring(&*store, &[person(1)]).await;
    let credentials = stored(&*store, who.account).await.credentials;
    assert_eq!(credentials, given::sealed(7));
}

/// Contract 2.
pub async fn a_registration_that_was_made_here_stays(store: Subject<dyn Store>) {
    let new = ImportedPerson {
        registrations: Vec::new(),
        ..person(1)
    };
    bring(&*store, &[new]).await;
    let who = identity(&person(1));
    given::registered(&*store, given::request(who, 1)).await;
    let before = listed(&*store, who.user).await;
    let answer = bring(&*store, &[person(1)]).await;
    assert_eq!(answer, [brought(Arrival::Known, false)]);
    assert_eq!(listed(&*store, who.user).await, before);
}

/// Purges all uses that have expired, an hour and more ago.
async fn purge(store: &dyn Store) {
    let at = given::now() + 1000 * DAY;
    while store.purge(Expiring::Uses, at).await.unwrap().more {}
}

/// Contract 3: however long ago, and whatever was used in between.
pub async fn a_registration_that_was_deleted_here_does_not_come_back(store: Subject<dyn Store>) {
    let who = bring_new(&*store, &person(1)).await;
    let delete = async || {
        let deleted = store.delete(given::deletion(who.user)).await;
        assert!(deleted.unwrap().is_some());
        purge(&*store).await;
        let answer = bring(&*store, &[person(1)]).await;
        assert_eq!(answer, [brought(Arrival::Known, false)]);
        assert_eq!(listed(&*store, who.user).await, []);
    };
    delete().await;
    given::registered(&*store, given::next_request(who, 1)).await;
    delete().await;
}

/// Contract 3: another service's is new.
pub async fn a_registration_that_came_later_is_brought_by_the_next_import(
    store: Subject<dyn Store>,
) {
    let mut later = person(1);
    let who = bring_new(&*store, &later).await;
    let mut other = registration(2, later.registrations[0].shown.state);
    other.shown.service = given::draw_me();
    later.registrations.push(other);
    let answer = bring(&*store, std::slice::from_ref(&later)).await;
    assert_eq!(answer[0].arrival, Arrival::Known);
    assert_eq!(answer[0].added, [given::draw_me()]);
    let services: Vec<_> = listed(&*store, who.user).await;
    let services: Vec<_> = services.into_iter().map(|it| it.service).collect();
    assert_eq!(services, [given::draw_me(), given::learn_me()]);
}

/// Contract 6.
pub async fn a_person_who_signed_in_here_first_gets_their_registrations(store: Subject<dyn Store>) {
    let here = given::person(&*store, 1).await;
    let answer = bring(&*store, &[person(1)]).await;
    assert_eq!(answer, [brought(Arrival::KnownAs(here.user), true)]);
    let shown = person(1).registrations[0].shown.clone();
    assert_eq!(listed(&*store, here.user).await, [shown]);
    assert_eq!(listed(&*store, person(1).user).await, []);
    let account = stored(&*store, here.account).await;
    assert_eq!(
        (account.user, account.credentials),
        (here.user, given::sealed(0))
    );
    let answer = bring(&*store, &[person(1)]).await;
    assert_eq!(answer, [brought(Arrival::KnownAs(here.user), false)]);
}

/// Contract 6.
pub async fn a_number_that_is_another_persons_is_left_out(store: Subject<dyn Store>) {
    let here = given::registered_person(&*store, 1).await;
    let before = listed(&*store, here.user).await;
    let other = ImportedPerson {
        user: here.user,
        ..person(2)
    };
    let answer = bring(&*store, &[other, person(3)]).await;
    let expected = [
        brought(Arrival::IdTaken, false),
        brought(Arrival::Added, true),
    ];
    assert_eq!(answer, expected);
    assert_eq!(store.account(given::account(2)).await.unwrap(), None);
    assert_eq!(listed(&*store, here.user).await, before);
}

/// Contract 8.
pub async fn a_comparison_answers_the_same_and_changes_nothing(store: Subject<dyn Store>) {
    let here = given::person(&*store, 1).await;
    bring_new(&*store, &person(2)).await;
    let taken = ImportedPerson {
        user: here.user,
        ..person(3)
    };
    let people = [person(1), person(2), taken, person(4)];
    let expected = [
        brought(Arrival::KnownAs(here.user), true),
        brought(Arrival::Known, false),
        brought(Arrival::IdTaken, false),
        brought(Arrival::Added, true),
    ];
    for _ in 0..2 {
        assert_eq!(store.compare(&people).await.unwrap(), expected);
    }
    assert_eq!(listed(&*store, here.user).await, []);
    assert_eq!(store.account(given::account(4)).await.unwrap(), None);
    assert_eq!(bring(&*store, &people).await, expected);
    assert_eq!(listed(&*store, here.user).await.len(), 1);
}
