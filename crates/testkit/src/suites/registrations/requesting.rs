//! Contract 1 to 5: requests.

use lemon_domain::{
    ports::{NewRegistration, OutboxTask, Publication, RequestOutcome, StoreError},
    values::{
        BudgetKey, Identity, Place, Registered, Registration, RequestId, TrainingState, Turn, Use,
        UserId,
    },
};

use super::super::{
    Store,
    given::{self, MICROSECOND},
};
use crate::{Subject, race};

fn expected_use(new: &NewRegistration) -> Use {
    Use {
        turn: new.turn,
        window_start: new.places[0].key.window.start,
        cooldown_until: new.cooldown_until,
    }
}

fn expected_place(new: &NewRegistration, i: usize) -> Place {
    Place {
        holder: Turn {
            user: new.identity.user,
            number: new.turn,
        }
        .holder(),
        seat: new.places[i].seat,
        units: new.places[i].units,
        at: new.at,
    }
}

async fn last_use(store: &dyn Store, user: UserId) -> Option<Use> {
    store.last_use(user, &given::learn_me()).await.unwrap()
}

/// What an attempt of somebody at the usual service was answered.
async fn answered(store: &dyn Store, who: Identity, key: &str) -> Option<Registered> {
    let key = given::attempt(key).key;
    let answered = store.answered(who.user, &given::learn_me(), &key).await;
    answered.unwrap()
}

fn expected_answer(new: &NewRegistration) -> Registered {
    Registered {
        position: new.places[0].seat,
        limit: new.places[0].limit,
    }
}

async fn seats(store: &dyn Store, key: &BudgetKey) -> Vec<u32> {
    let places = store.places(key).await.unwrap();
    places.iter().map(|place| place.seat).collect()
}

async fn current_request(store: &dyn Store, user: UserId) -> RequestId {
    let list = store.list(user).await.unwrap();
    assert_eq!(list.len(), 1);
    list[0].request_id
}

async fn assert_used_before(store: &dyn Store, new: NewRegistration, by: &NewRegistration) {
    let outcome = store.request(new).await.unwrap();
    assert_eq!(outcome, RequestOutcome::UsedBefore(expected_use(by)));
}

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
    assert_eq!(rows[0].task, OutboxTask::Train);
    assert_eq!(rows[0].account, who.account);
    assert_eq!(rows[0].service, new.service);
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

/// Contract 2.
pub async fn a_running_cooldown_answers_used_before(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let first = given::request(who, 1);
    let early = NewRegistration {
        at: first.cooldown_until - MICROSECOND,
        ..given::next_request(who, 2)
    };
    assert_used_before(&*store, early, &first).await;
    assert_eq!(current_request(&*store, who.user).await, first.request_id);
    assert_eq!(
        last_use(&*store, who.user).await,
        Some(expected_use(&first))
    );
    assert_eq!(store.places(&given::next_week()).await.unwrap(), []);
    assert_eq!(given::rows(&*store).await, 1);
}

/// Contract 2.
pub async fn a_cooldown_is_over_at_its_end(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let again = NewRegistration {
        at: given::request(who, 1).cooldown_until,
        ..given::next_request(who, 1)
    };
    given::registered(&*store, again.clone()).await;
    assert_eq!(
        last_use(&*store, who.user).await,
        Some(expected_use(&again))
    );
}

async fn assert_repeated(store: &dyn Store, new: NewRegistration, earlier: &NewRegistration) {
    let outcome = store.request(new).await.unwrap();
    assert_eq!(outcome, RequestOutcome::Repeated(expected_answer(earlier)));
}

/// Contract 2.
pub async fn a_known_attempt_is_repeated_within_the_cooldown_and_after(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    let first = NewRegistration {
        attempt: Some(given::attempt("attempt 1")),
        ..given::request(who, 1)
    };
    given::registered(&*store, first.clone()).await;
    let repeated = NewRegistration {
        attempt: first.attempt.clone(),
        ..given::next_request(who, 1)
    };
    let early = NewRegistration {
        at: first.cooldown_until - MICROSECOND,
        ..repeated.clone()
    };
    for again in [first.clone(), early, repeated] {
        assert_repeated(&*store, again, &first).await;
    }
    assert_eq!(
        last_use(&*store, who.user).await,
        Some(expected_use(&first))
    );
    assert_eq!(given::rows(&*store).await, 1);
}

/// Contract 2: a client may repeat an old attempt when it has long made another.
pub async fn an_attempt_is_repeated_also_after_a_later_one(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    let first = NewRegistration {
        attempt: Some(given::attempt("attempt 1")),
        ..given::request(who, 1)
    };
    given::registered(&*store, first.clone()).await;
    let second = NewRegistration {
        attempt: Some(given::attempt("attempt 2")),
        ..given::next_request(who, 2)
    };
    given::registered(&*store, second.clone()).await;
    for (key, earlier) in [("attempt 1", &first), ("attempt 2", &second)] {
        let repeated = NewRegistration {
            turn: 3,
            places: vec![given::place(given::next_week(), 3)],
            attempt: Some(given::attempt(key)),
            at: second.cooldown_until,
            ..second.clone()
        };
        assert_repeated(&*store, repeated, earlier).await;
        let remembered = answered(&*store, who, key).await;
        assert_eq!(remembered, Some(expected_answer(earlier)));
    }
    assert_eq!(seats(&*store, &given::next_week()).await, [2]);
    assert_eq!(given::rows(&*store).await, 2);
}

/// Contract 2.
pub async fn an_attempt_is_its_persons_at_one_service(store: Subject<dyn Store>) {
    let (who, other) = (
        given::person(&*store, 1).await,
        given::person(&*store, 2).await,
    );
    let first = NewRegistration {
        attempt: Some(given::attempt("attempt 1")),
        ..given::request(who, 1)
    };
    given::registered(&*store, first.clone()).await;
    assert_eq!(answered(&*store, other, "attempt 1").await, None);
    assert_eq!(answered(&*store, who, "attempt 2").await, None);
    let theirs = NewRegistration {
        attempt: first.attempt.clone(),
        ..given::request(other, 2)
    };
    given::registered(&*store, theirs).await;
    let elsewhere = BudgetKey {
        scope: (&given::draw_me()).into(),
        ..given::today()
    };
    let other_service = NewRegistration {
        service: given::draw_me(),
        request_id: given::request_id(3),
        places: vec![given::place(elsewhere, 1)],
        ..first
    };
    given::registered(&*store, other_service).await;
}

/// Contract 2.
pub async fn two_requests_without_an_idempotency_key_do_not_share_one(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    given::registered(&*store, given::next_request(who, 1)).await;
    assert_eq!(given::rows(&*store).await, 2);
}

/// Contract 2.
pub async fn a_turn_already_used_answers_used_before(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let second = given::next_request(who, 1);
    given::registered(&*store, second.clone()).await;
    for turn in [1, 2] {
        let overtaken = NewRegistration {
            turn,
            places: vec![given::place(given::next_week(), 2)],
            at: second.cooldown_until,
            ..second.clone()
        };
        assert_used_before(&*store, overtaken, &second).await;
    }
    assert_eq!(seats(&*store, &given::next_week()).await, [1]);
}

/// Contract 2: a repeated call holds the very place that the first one stored.
pub async fn a_person_who_asks_again_is_told_so_before_their_seat_is(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let first = given::request(who, 1);
    let repeated = NewRegistration {
        request_id: given::request_id(2),
        ..first.clone()
    };
    assert_used_before(&*store, repeated, &first).await;
}

/// Contract 2.
pub async fn of_concurrent_requests_of_one_person_one_is_stored(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    let outcomes = race(16, |i| {
        let store = store.share();
        let new = given::request(who, u32::try_from(i).unwrap() + 1);
        async move { store.request(new).await.unwrap() }
    })
    .await;
    let stored = last_use(&*store, who.user).await.unwrap();
    let (winners, losers): (Vec<_>, Vec<_>) = (1..)
        .zip(outcomes)
        .partition(|(_, outcome)| *outcome == RequestOutcome::Registered);
    assert_eq!(winners.len(), 1);
    for (_, loser) in losers {
        assert_eq!(loser, RequestOutcome::UsedBefore(stored.clone()));
    }
    assert_eq!(seats(&*store, &given::today()).await, [winners[0].0]);
    assert_eq!(given::tasks(&*store).await, [OutboxTask::Train]);
}

/// Contract 2: a client that repeats a call while the first is still under way.
pub async fn of_concurrent_requests_with_one_idempotency_key_one_is_stored(
    store: Subject<dyn Store>,
) {
    let who = given::person(&*store, 1).await;
    let outcomes = race(16, |i| {
        let store = store.share();
        let new = NewRegistration {
            request_id: given::request_id(i),
            attempt: Some(given::attempt("attempt 1")),
            ..given::request(who, 1)
        };
        async move { store.request(new).await.unwrap() }
    })
    .await;
    let answer = expected_answer(&given::request(who, 1));
    let registered = outcomes
        .iter()
        .filter(|outcome| **outcome == RequestOutcome::Registered);
    assert_eq!(registered.count(), 1);
    let told = outcomes
        .iter()
        .filter(|outcome| **outcome == RequestOutcome::Repeated(answer));
    assert_eq!(told.count(), 15);
    assert_eq!(given::tasks(&*store).await, [OutboxTask::Train]);
}

/// Contract 2.
pub async fn services_and_people_have_cooldowns_of_their_own(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let elsewhere = BudgetKey {
        scope: (&given::draw_me()).into(),
        ..given::today()
    };
    let other_service = NewRegistration {
        service: given::draw_me(),
        places: vec![given::place(elsewhere, 1)],
        ..given::request(who, 2)
    };
    given::registered(&*store, other_service).await;
    given::registered_person(&*store, 3).await;
    assert_eq!(given::rows(&*store).await, 3);
}

/// Contract 3.
pub async fn a_seat_that_is_anothers_answers_seat_taken(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let other = given::person(&*store, 2).await;
    let same_seat = NewRegistration {
        request_id: given::request_id(2),
        ..given::request(other, 1)
    };
    let outcome = store.request(same_seat).await.unwrap();
    assert_eq!(outcome, given::seat_taken(&given::today(), 1));
    let places = store.places(&given::today()).await.unwrap();
    assert_eq!(places, [expected_place(&given::request(who, 1), 0)]);
    given::registered(&*store, given::request(other, 2)).await;
}

/// Contract 3.
pub async fn of_concurrent_requests_for_one_seat_one_is_stored(store: Subject<dyn Store>) {
    let mut people: Vec<Identity> = Vec::new();
    for n in 1..=16 {
        people.push(given::person(&*store, n).await);
    }
    let outcomes = race(16, |i| {
        let store = store.share();
        let new = NewRegistration {
            request_id: given::request_id(i),
            ..given::request(people[i], 1)
        };
        async move { store.request(new).await.unwrap() }
    })
    .await;
    let taken = outcomes
        .iter()
        .filter(|outcome| **outcome == given::seat_taken(&given::today(), 1));
    assert_eq!(taken.count(), 15);
    let winner = outcomes
        .iter()
        .position(|outcome| *outcome == RequestOutcome::Registered)
        .unwrap();
    let places = store.places(&given::today()).await.unwrap();
    assert_eq!(
        places,
        [expected_place(&given::request(people[winner], 1), 0)]
    );
    let rows = given::outbox(&*store).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].account, people[winner].account);
}

/// Contract 3.
pub async fn a_seat_is_anothers_only_in_its_service_budget_and_window(store: Subject<dyn Store>) {
    given::registered_person(&*store, 1).await;
    let elsewhere = BudgetKey {
        scope: (&given::draw_me()).into(),
        ..given::today()
    };
    let of_learn_me = [given::next_week(), given::reads()].map(|key| (given::learn_me(), key));
    let others = of_learn_me
        .into_iter()
        .chain([(given::draw_me(), elsewhere)]);
    for (n, (service, key)) in (2..).zip(others) {
        let who = given::person(&*store, n).await;
        let new = NewRegistration {
            service,
            request_id: given::request_id(n),
            places: vec![given::place(key.clone(), 1)],
            ..given::request(who, 1)
        };
        given::registered(&*store, new).await;
        assert_eq!(seats(&*store, &key).await, [1]);
    }
}

/// Contract 3.
pub async fn a_place_of_any_budget_may_be_the_one_taken(store: Subject<dyn Store>) {
    let places = |daily, reads| {
        vec![
            given::place(given::today(), daily),
            given::place(given::reads(), reads),
        ]
    };
    let one = given::person(&*store, 1).await;
    let first = NewRegistration {
        places: places(1, 1),
        ..given::request(one, 1)
    };
    given::registered(&*store, first).await;
    let two = given::person(&*store, 2).await;
    let second = NewRegistration {
        places: places(2, 1),
        ..given::request(two, 2)
    };
    let outcome = store.request(second).await.unwrap();
    assert_eq!(outcome, given::seat_taken(&given::reads(), 1));
    assert_eq!(seats(&*store, &given::today()).await, [1]);
}

/// Contract 4.
pub async fn asking_again_replaces_the_request_and_keeps_ready_and_public(
    store: Subject<dyn Store>,
) {
    let who = given::registered_person(&*store, 1).await;
    let ready = given::ready(who.account);
    let spare = given::request_id(500);
    store.finish(&ready, spare, given::now()).await.unwrap();
    let publication = Publication {
        user: who.user,
        service: given::learn_me(),
        public: true,
    };
    store.set_public(publication).await.unwrap();
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
pub async fn strangers_are_unknown(store: Subject<dyn Store>) {
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
