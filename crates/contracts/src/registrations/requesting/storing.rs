//! Contract 1, 4 and 5: the data that a request stores, and its owner.

use lemon_domain::{
    ports::{NewRegistration, StoreError},
    values::{Identity, Registration, TaskKind, TrainingState, UserId},
};

use super::{answered, expected_answer, expected_place, expected_use, last_use, seats};
use crate::{given, store::Store, subject::Subject};

/// Contract 1.
pub async fn a_request_stores_the_registration_the_use_the_places_and_one_train_row(
    store: Subject<dyn Store>,
) {
    let who = given::person(&*store, 1).await;
    let mut reads = given::place(given::reads(), 9);
    reads.units = 3200;
    let new = NewRegistration {
        places: vec![given::place(given::today(), 3), reads],
        attempt: Some(given::attempt("attempt 1")),
        ..given::request(who, 3)
    };
    given::registered(&*store, new.clone()).await;

    let registration = Registration {
        service: given::learn_me(),
        request_id: new.request_id,
        public: false,
        ready: false,
        state: TrainingState::Training,
        can_use_at: new.cooldown_until,
    };
    assert_eq!(store.list(who.user).await.unwrap(), [registration]);
    let stored = last_use(&*store, who.user).await;
    assert_eq!(stored, Some(expected_use(&new)));
    let remembered = answered(&*store, who, "attempt 1").await;
    assert_eq!(remembered, Some(expected_answer(&new)));
    for (i, key) in [given::today(), given::reads()].iter().enumerate() {
        let places = store.places(key).await.unwrap();
        assert_eq!(places, [expected_place(&new, i)]);
    }
    let rows = given::outbox(&*store).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].content.kind, TaskKind::Train);
    assert_eq!(rows[0].content.account, who.account);
    assert_eq!(rows[0].content.service, new.service);
    assert_eq!(rows[0].request_id, new.request_id);
    assert_eq!(rows[0].created_at, new.at);
}

/// Contract 1.
pub async fn a_refused_request_stores_nothing(store: Subject<dyn Store>) {
    given::registered_person(&*store, 1).await;
    let late = given::person(&*store, 2).await;
    let refused = NewRegistration {
        places: vec![
            given::place(given::reads(), 2),
            given::place(given::today(), 1),
        ],
        attempt: Some(given::attempt("attempt 1")),
        ..given::request(late, 2)
    };
    let outcome = store.request(refused).await.unwrap();
    assert_eq!(outcome, given::seat_taken(&given::today(), 1));
    assert_eq!(store.list(late.user).await.unwrap(), []);
    assert_eq!(last_use(&*store, late.user).await, None);
    assert_eq!(answered(&*store, late, "attempt 1").await, None);
    assert_eq!(store.places(&given::reads()).await.unwrap(), []);
    assert_eq!(seats(&*store, &given::today()).await, [1]);
    assert_eq!(given::rows(&*store).await, 1);
}

/// Contract 4.
pub async fn asking_again_replaces_the_request_and_keeps_ready_and_public(
    store: Subject<dyn Store>,
) {
    let who = given::registered_person(&*store, 1).await;
    let ready = given::ready(who.account);
    let spare = given::request_id(500);
    store.finish(&ready, spare, given::now()).await.unwrap();
    given::published(&*store, who.user).await;
    let second = given::next_request(who, 1);
    given::registered(&*store, second.clone()).await;
    let registration = Registration {
        service: given::learn_me(),
        request_id: second.request_id,
        public: true,
        ready: true,
        state: TrainingState::Training,
        can_use_at: second.cooldown_until,
    };
    assert_eq!(store.list(who.user).await.unwrap(), [registration]);
}

/// Contract 5.
pub async fn a_person_who_is_not_stored_is_unknown(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let nobody = UserId::new(who.user.get() + 1000);
    let strange_person = Identity {
        user: nobody,
        ..who
    };
    let strange_account = Identity {
        account: given::account(99),
        ..who
    };
    let stranger = Identity {
        user: nobody,
        account: given::account(99),
    };
    for identity in [strange_person, strange_account, stranger] {
        let outcome = store.request(given::request(identity, 2)).await;
        assert!(
            matches!(outcome, Err(StoreError::UnknownPerson)),
            "{outcome:?}"
        );
    }
    assert_eq!(seats(&*store, &given::today()).await, [1]);
    assert_eq!(given::rows(&*store).await, 1);
}

/// Contract 5.
pub async fn an_account_of_another_person_is_unknown(store: Subject<dyn Store>) {
    let one = given::person(&*store, 1).await;
    let two = given::person(&*store, 2).await;
    let mixed = Identity {
        account: two.account,
        ..one
    };
    let outcome = store.request(given::request(mixed, 1)).await;
    assert!(
        matches!(outcome, Err(StoreError::UnknownPerson)),
        "{outcome:?}"
    );
    assert_eq!(store.list(one.user).await.unwrap(), []);
    assert_eq!(given::rows(&*store).await, 0);
}
