//! Cases of the `People` contract.

use lemon_domain::{
    ports::{
        Forgotten, OutboxRecord, PersonRecord, Publication, RegistrationRecord, RequestOutcome,
        SignIn, StoreError, UseRecord,
    },
    values::{Identity, TaskKind, TrainingState, Use},
};

use crate::{
    given::{self, DAY, HOUR},
    race::race,
    store::Store,
    subject::Subject,
};

/// Emits the cases for a function that makes a fresh, empty [`Subject<dyn Store>`](crate::Store).
#[macro_export]
macro_rules! people_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::people,
            $subject,
            [
                a_person_is_shown_with_all_that_is_stored_of_them,
                a_person_is_shown_as_they_are_after_each_change,
                an_account_that_never_signed_in_is_neither_shown_nor_forgotten,
                forgetting_deletes_each_registration_with_one_delete_row,
                the_delete_row_waits_for_a_withdrawn_row_that_may_be_in_flight,
                forgetting_withdraws_rows_that_were_set_aside_and_leaves_delete_rows,
                the_use_and_its_places_outlive_a_forgotten_person,
                a_forgotten_person_is_unknown_until_they_sign_in,
                a_forgotten_person_who_signs_in_is_the_same_person_with_the_cooldown,
                forgetting_twice_changes_nothing_the_second_time,
                forgetting_one_person_leaves_the_others,
                a_request_that_races_with_forgetting_leaves_no_registration,
            ]
        );
    };
}

async fn shown(store: &dyn Store, who: Identity) -> PersonRecord {
    store.person(who.account).await.unwrap().unwrap()
}

async fn forgotten(store: &dyn Store, who: Identity) -> Forgotten {
    let forgotten = store.forget(who.account, given::now() + HOUR).await;
    forgotten.unwrap().unwrap()
}

/// Contract 1.
pub async fn a_person_is_shown_with_all_that_is_stored_of_them(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let request_id = given::request_id(1);
    let row = store.claim(1, HOUR, given::now()).await.unwrap().remove(0);
    let expected = PersonRecord {
        user: who.user,
        account: who.account,
        sealed_with: Some(given::sealed(0).key_id),
        signed_up_at: given::now(),
        refreshed_at: given::now(),
        registrations: vec![RegistrationRecord {
            shown: store.list(who.user).await.unwrap().remove(0),
            requested_at: given::now(),
            announced_at: Some(given::now()),
            announcements: 1,
            finished_at: None,
        }],
        uses: vec![UseRecord {
            service: given::learn_me(),
            last: Use {
                turn: 1,
                window_start: given::today().window.start,
                cooldown_until: given::now() + 7 * DAY,
            },
            request_id: Some(request_id),
        }],
        outbox: vec![OutboxRecord {
            id: row.id,
            kind: TaskKind::Train,
            service: given::learn_me(),
            request_id,
            attempts: 1,
            created_at: given::now(),
            due_at: given::now() + HOUR,
            set_aside_at: None,
        }],
    };
    assert_eq!(shown(&*store, who).await, expected);
}

/// Contract 1.
pub async fn a_person_is_shown_as_they_are_after_each_change(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    given::registered(&*store, given::of(given::draw_me(), given::request(who, 2))).await;
    let claimed = store.claim(10, HOUR, given::now()).await.unwrap();
    let at = given::now() + HOUR;
    for row in &claimed {
        store.set_aside(row, at).await.unwrap();
    }
    let sign_in = SignIn {
        account: who.account,
        credentials: given::sealed(1),
        at,
    };
    store.sign_in(sign_in).await.unwrap();
    let ready = given::ready(who.account);
    let spare = given::request_id(500);
    store.finish(&ready, spare, at).await.unwrap();
    given::published(&*store, who.user).await;
    let now = shown(&*store, who).await;
    assert_eq!((now.signed_up_at, now.refreshed_at), (given::now(), at));
    assert_eq!(now.sealed_with, Some(given::sealed(1).key_id));
    let services = now.registrations.iter().map(|it| it.shown.service.clone());
    let ordered = [given::draw_me(), given::learn_me()];
    assert_eq!(services.collect::<Vec<_>>(), ordered);
    let uses = now.uses.iter().map(|it| it.service.clone());
    assert_eq!(uses.collect::<Vec<_>>(), ordered);
    let [drawn, learned] = &now.registrations[..] else {
        panic!("{now:?}");
    };
    assert_eq!(drawn.shown.state, TrainingState::Training);
    assert_eq!(drawn.announced_at, Some(given::now()));
    assert!(learned.shown.public && learned.shown.state == TrainingState::Ready);
    assert_eq!(
        (learned.announced_at, learned.finished_at),
        (None, Some(at))
    );
    let rows: Vec<_> = now
        .outbox
        .iter()
        .map(|row| (row.kind, row.set_aside_at))
        .collect();
    let (train, notify) = (TaskKind::Train, TaskKind::Notify);
    assert_eq!(rows, [(train, Some(at)), (train, Some(at)), (notify, None)]);
}

/// Contract 1, 6.
pub async fn an_account_that_never_signed_in_is_neither_shown_nor_forgotten(
    store: Subject<dyn Store>,
) {
    given::registered_person(&*store, 1).await;
    let stranger = given::account(2);
    assert_eq!(store.person(stranger).await.unwrap(), None);
    let forgotten = store.forget(stranger, given::now()).await;
    assert_eq!(forgotten.unwrap(), None);
    assert_eq!(given::tasks(&*store).await, [TaskKind::Train]);
}

/// Contract 2.
pub async fn forgetting_deletes_each_registration_with_one_delete_row(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    given::registered(&*store, given::of(given::draw_me(), given::request(who, 2))).await;
    let expected = Forgotten {
        user: who.user,
        registrations: vec![given::draw_me(), given::learn_me()],
        withdrawn: 2,
        erased: true,
    };
    assert_eq!(forgotten(&*store, who).await, expected);
    let now = shown(&*store, who).await;
    assert_eq!((now.registrations, now.sealed_with), (vec![], None));
    assert_eq!(now.refreshed_at, given::now() + HOUR);
    let rows: Vec<_> = given::outbox(&*store)
        .await
        .into_iter()
        .map(|row| (row.content.kind, row.content.service, row.request_id))
        .collect();
    let delete = |service, n| (TaskKind::Delete, service, given::request_id(n));
    let expected = [delete(given::draw_me(), 2), delete(given::learn_me(), 1)];
    assert_eq!(rows, expected);
}

/// Contract 2.
pub async fn the_delete_row_waits_for_a_withdrawn_row_that_may_be_in_flight(
    store: Subject<dyn Store>,
) {
    let who = given::registered_person(&*store, 1).await;
    let lease = 3 * HOUR;
    store.claim(1, lease, given::now()).await.unwrap();
    forgotten(&*store, who).await;
    let due: Vec<_> = shown(&*store, who).await.outbox;
    assert_eq!((due.len(), due[0].due_at), (1, given::now() + lease));
}

/// Contract 2.
pub async fn forgetting_withdraws_rows_that_were_set_aside_and_leaves_delete_rows(
    store: Subject<dyn Store>,
) {
    let who = given::registered_person(&*store, 1).await;
    let first = store.claim(1, HOUR, given::now()).await.unwrap().remove(0);
    store.set_aside(&first, given::now()).await.unwrap();
    // A message about somebody's training for another service, whose registration is gone.
    let mut gone = given::ready(who.account);
    gone.service = given::draw_me();
    let other = given::request_id(500);
    store.finish(&gone, other, given::now()).await.unwrap();
    assert_eq!(forgotten(&*store, who).await.withdrawn, 1);
    let rows = given::outbox(&*store).await;
    let ids: Vec<_> = rows.iter().map(|row| row.request_id).collect();
    assert_eq!(ids, [other, given::request_id(1)]);
    assert!(rows.iter().all(|row| row.content.kind == TaskKind::Delete));
}

/// Contract 3.
pub async fn the_use_and_its_places_outlive_a_forgotten_person(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    let mut new = given::request(who, 1);
    new.attempt = Some(given::attempt("first"));
    given::registered(&*store, new).await;
    let before = shown(&*store, who).await;
    forgotten(&*store, who).await;
    let after = shown(&*store, who).await;
    assert_eq!((after.user, after.uses), (before.user, before.uses));
    let places = store.places(&given::today()).await.unwrap();
    assert_eq!(places.len(), 1);
    let key = given::attempt("first").key;
    let answered = store.answered(who.user, &given::learn_me(), &key).await;
    assert_eq!(answered.unwrap(), None);
}

/// Contract 4.
pub async fn a_forgotten_person_is_unknown_until_they_sign_in(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    forgotten(&*store, who).await;
    assert_eq!(store.account(who.account).await.unwrap(), None);
    assert_eq!(store.accounts(&[who.account]).await.unwrap(), []);
    assert_eq!(store.sealing_key_ids().await.unwrap(), [""; 0]);
    let publication = Publication {
        user: who.user,
        service: given::learn_me(),
        public: true,
    };
    let mut later = given::next_request(who, 1);
    later.at += DAY;
    let outcomes = [
        store.list(who.user).await.map(drop),
        store.set_public(publication).await.map(drop),
        store.delete(given::deletion(who.user)).await.map(drop),
        store.request(later).await.map(drop),
        store.last_use(who.user, &given::learn_me()).await.map(drop),
    ];
    for outcome in outcomes {
        assert!(
            matches!(outcome, Err(StoreError::UnknownPerson)),
            "{outcome:?}"
        );
    }
}

/// Contract 5.
pub async fn a_forgotten_person_who_signs_in_is_the_same_person_with_the_cooldown(
    store: Subject<dyn Store>,
) {
    let who = given::registered_person(&*store, 1).await;
    forgotten(&*store, who).await;
    let at = given::now() + 2 * HOUR;
    let sign_in = SignIn {
        account: who.account,
        credentials: given::sealed(1),
        at,
    };
    assert_eq!(store.sign_in(sign_in).await.unwrap(), who.user);
    let stored = store.account(who.account).await.unwrap().unwrap();
    assert_eq!(stored.credentials, given::sealed(1));
    assert_eq!(store.list(who.user).await.unwrap(), []);
    let mut soon = given::next_request(who, 2);
    soon.at = at;
    let refused = store.request(soon).await.unwrap();
    assert!(
        matches!(&refused, RequestOutcome::UsedBefore(last) if last.turn == 1),
        "{refused:?}"
    );
    given::registered(&*store, given::next_request(who, 2)).await;
}

/// Contract 6.
pub async fn forgetting_twice_changes_nothing_the_second_time(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    forgotten(&*store, who).await;
    let once = shown(&*store, who).await;
    let again = store.forget(who.account, given::now() + 2 * HOUR).await;
    let expected = Forgotten {
        user: who.user,
        registrations: vec![],
        withdrawn: 0,
        erased: false,
    };
    assert!(!expected.is_a_change());
    assert_eq!(again.unwrap(), Some(expected));
    assert_eq!(shown(&*store, who).await, once);
}

/// Contract 2, 4.
pub async fn forgetting_one_person_leaves_the_others(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let other = given::registered_person(&*store, 2).await;
    let before = shown(&*store, other).await;
    forgotten(&*store, who).await;
    assert_eq!(shown(&*store, other).await, before);
    assert_eq!(store.list(other.user).await.unwrap().len(), 1);
}

/// Contract 2, 4.
pub async fn a_request_that_races_with_forgetting_leaves_no_registration(
    store: Subject<dyn Store>,
) {
    let mut people = Vec::new();
    for n in 1..=8 {
        people.push(given::person(&*store, n).await);
    }
    race(16, |i| {
        let (store, who) = (store.share(), people[i / 2]);
        async move {
            if i % 2 == 0 {
                let seat = u32::try_from(i / 2 + 1).unwrap();
                // Registered and deleted, or refused.
                let _either = store.request(given::request(who, seat)).await;
            } else {
                forgotten(&*store, who).await;
            }
        }
    })
    .await;
    for who in people {
        let now = shown(&*store, who).await;
        assert_eq!((now.registrations, now.sealed_with), (vec![], None));
        let deletes = now.outbox.iter().all(|row| row.kind == TaskKind::Delete);
        assert!(deletes, "{:?}", now.outbox);
        assert_eq!(now.outbox.len(), now.uses.len());
    }
}
