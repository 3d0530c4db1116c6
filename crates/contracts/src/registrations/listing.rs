//! Contract 10: the list, and publication.

use lemon_domain::{
    ports::Publication,
    values::{Registration, TrainingState, UserId},
};

use crate::subject::Subject;
use crate::{given, store::Store};

fn publication(user: UserId, public: bool) -> Publication {
    Publication {
        user,
        service: given::learn_me(),
        public,
    }
}

/// Contract 10.
pub async fn the_list_shows_each_change_at_once(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    assert_eq!(store.list(who.user).await.unwrap(), []);
    given::registered(&*store, given::request(who, 1)).await;
    let mut expected = Registration {
        service: given::learn_me(),
        request_id: given::request_id(1),
        public: false,
        ready: false,
        state: TrainingState::Training,
        can_use_at: given::request(who, 1).cooldown_until,
    };
    assert_eq!(store.list(who.user).await.unwrap(), [expected.clone()]);
    store.set_public(publication(who.user, true)).await.unwrap();
    expected.public = true;
    assert_eq!(store.list(who.user).await.unwrap(), [expected.clone()]);
    let ready = given::ready(who.account);
    let spare = given::request_id(500);
    store.finish(&ready, spare, given::now()).await.unwrap();
    expected.ready = true;
    expected.state = TrainingState::Ready;
    assert_eq!(store.list(who.user).await.unwrap(), [expected]);
    store.delete(given::deletion(who.user)).await.unwrap();
    assert_eq!(store.list(who.user).await.unwrap(), []);
}

/// Contract 10.
pub async fn the_list_is_in_the_order_of_service_types(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let other_service = given::of(given::draw_me(), given::request(who, 2));
    given::registered(&*store, other_service).await;
    let list = store.list(who.user).await.unwrap();
    let services: Vec<_> = list.into_iter().map(|it| it.service).collect();
    assert_eq!(services, [given::draw_me(), given::learn_me()]);
}

/// Contract 10.
pub async fn a_person_who_is_not_registered_has_an_empty_list(store: Subject<dyn Store>) {
    let one = given::registered_person(&*store, 1).await;
    let two = given::person(&*store, 2).await;
    let nobody = UserId::new(one.user.get() + 1000);
    for user in [two.user, nobody] {
        assert_eq!(store.list(user).await.unwrap(), []);
    }
}

/// Contract 10.
pub async fn publishing_sets_and_clears_the_flag(store: Subject<dyn Store>) {
    let one = given::registered_person(&*store, 1).await;
    let two = given::registered_person(&*store, 2).await;
    for public in [true, true, false] {
        let set = store.set_public(publication(one.user, public)).await;
        let set = set.unwrap().unwrap();
        assert_eq!(set.public, public);
        assert_eq!(store.list(one.user).await.unwrap(), [set]);
    }
    assert!(!store.list(two.user).await.unwrap()[0].public);
}

/// Contract 10.
pub async fn publishing_without_a_registration_is_none(store: Subject<dyn Store>) {
    let one = given::registered_person(&*store, 1).await;
    let two = given::person(&*store, 2).await;
    let elsewhere = Publication {
        service: given::draw_me(),
        ..publication(one.user, true)
    };
    assert_eq!(store.set_public(elsewhere).await.unwrap(), None);
    let stranger = publication(two.user, true);
    assert_eq!(store.set_public(stranger).await.unwrap(), None);
}
