//! Requests that find, when they are stored, that another was first.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use lemon_contracts::{Store as _, restore};
use lemon_domain::{
    ports::{QuotaCounter, Registrations, RequestOutcome, Reservation, ReserveOutcome, SeatTaken},
    usecases::{Accepted, Permit, RegisterError},
    values::{BudgetName, Identity, Registered, Service, Turn},
};

use crate::{
    mocks::MockRegistrations,
    world::{SECOND, World, idempotency_key, keys_at, learn_me, learn_me_with_reads},
};

/// The counter has lost everything, and was restored from a record that was read too early.
async fn misinform(world: &World, service: &Service) {
    world.counter.forget_all();
    for key in keys_at(service, world.now()) {
        restore(&*world.counter, &key, &[], world.now())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_request_whose_seat_is_taken_gets_the_next_seat() {
    let world = World::new();
    let service = learn_me_with_reads(400, 10, 1000);
    let people = world.people(4).await;
    for who in &people[..3] {
        world.register(*who, &service).await.unwrap();
    }
    misinform(&world, &service).await;
    let registered = world.register(people[3], &service).await.unwrap();
    assert_eq!(registered.position, 4);
    assert_eq!(world.counted(&service).await, [Some(4), Some(40)]);
}

#[tokio::test]
async fn a_request_whose_seat_is_taken_and_was_the_last_is_refused() {
    let world = World::new();
    let service = learn_me(1);
    let people = world.people(2).await;
    world.register(people[0], &service).await.unwrap();
    misinform(&world, &service).await;
    let outcome = world.register(people[1], &service).await;
    assert!(matches!(outcome, Err(RegisterError::QuotaExhausted { .. })));
    assert_eq!(world.counted(&service).await, [Some(1)]);
}

#[tokio::test]
async fn a_request_refused_after_it_lost_its_seat_keeps_no_place_in_another_budget() {
    let world = World::new();
    let service = learn_me_with_reads(400, 10, 10);
    let people = world.people(2).await;
    world.register(people[0], &service).await.unwrap();
    let reads = &keys_at(&service, world.now())[1];
    world.counter.forget(reads);
    restore(&*world.counter, reads, &[], world.now())
        .await
        .unwrap();
    let outcome = world.register(people[1], &service).await;
    assert!(matches!(
        outcome,
        Err(RegisterError::QuotaExhausted(state)) if state.key == *reads && state.limit == 10
    ));
    assert_eq!(world.counted(&service).await, [Some(1), Some(10)]);
}

#[tokio::test]
async fn a_request_that_is_always_overtaken_fails_in_the_end() {
    let world = World::new();
    let who = world.person(1).await;
    let mut registrations = MockRegistrations::new();
    registrations.expect_last_use().returning(|_, _| Ok(None));
    let seat_taken = SeatTaken {
        budget: BudgetName::daily(),
        seat: 1,
    };
    registrations
        .expect_request()
        .times(5)
        .returning(move |_| Ok(RequestOutcome::SeatTaken(seat_taken.clone())));
    let registering = world.registering_on(Arc::new(registrations));
    let outcome = registering.register(who, &learn_me(400), None).await;
    assert!(matches!(outcome, Err(RegisterError::Contended)));
}

/// A replica that read the person's last use before their other call was stored, and stores after it.
async fn late_call(world: &World, who: Identity, service: &Service) -> MockRegistrations {
    let last_use = world.store.last_use(who.user, &service.service_type).await;
    let last_use = last_use.unwrap().unwrap();
    let mut registrations = MockRegistrations::new();
    registrations
        .expect_last_use()
        .times(1)
        .returning(|_, _| Ok(None));
    registrations
        .expect_request()
        .times(1)
        .returning(move |_| Ok(RequestOutcome::UsedBefore(last_use.clone())));
    registrations
}

#[tokio::test]
async fn two_calls_of_one_person_share_the_place() {
    let world = World::new();
    let service = learn_me_with_reads(400, 10, 1000);
    let who = world.person(1).await;
    world.register(who, &service).await.unwrap();
    let late = late_call(&world, who, &service).await;
    let registering = world.registering_on(Arc::new(late));
    let outcome = registering.register(who, &service, None).await;
    assert!(matches!(outcome, Err(RegisterError::CooldownActive { .. })));
    assert_eq!(world.counted(&service).await, [Some(1), Some(10)]);
}

#[tokio::test]
async fn two_calls_with_one_idempotency_key_share_the_answer() {
    let world = World::new();
    let service = learn_me(400);
    let who = world.person(1).await;
    let key = || Some(idempotency_key("attempt 1"));
    let first = world.registering().register(who, &service, key()).await;
    let answer = *first.as_ref().unwrap();
    let last_use = world.store.last_use(who.user, &service.service_type).await;
    let mut seen = [None, last_use.unwrap()].into_iter();
    let mut late = MockRegistrations::new();
    late.expect_answered().returning(|_, _, _| Ok(None));
    late.expect_last_use()
        .times(2)
        .returning(move |_, _| Ok(seen.next().flatten()));
    late.expect_request()
        .times(1)
        .returning(move |_| Ok(RequestOutcome::Repeated(answer)));
    let registering = world.registering_on(Arc::new(late));
    let permit = Permit::default();
    let second = registering.register_with(&permit, who, &service, key());
    // What the counter told when it gave the second place is not true any more.
    let expected = Accepted {
        registered: first.unwrap(),
        request_id: None,
        daily: None,
    };
    assert_eq!(second.await.unwrap(), expected);
    assert_eq!(world.counted(&service).await, [Some(1)]);
}

/// A client that gave up too early, and repeats its call while the first one is being stored.
#[tokio::test]
async fn a_repeated_call_is_not_refused_for_the_cooldown_of_the_first() {
    let world = World::new();
    let service = learn_me(400);
    let who = world.person(1).await;
    let key = || Some(idempotency_key("attempt 1"));
    let first = world.registering().register(who, &service, key()).await;
    let answer = *first.as_ref().unwrap();
    let last_use = world.store.last_use(who.user, &service.service_type).await;
    let last_use = last_use.unwrap();
    let stored = Arc::new(AtomicBool::new(false));
    let mut overtaken = MockRegistrations::new();
    // Whatever is asked first finds nothing yet.
    let seen = Arc::clone(&stored);
    overtaken
        .expect_last_use()
        .returning(move |_, _| Ok(last_use.clone().filter(|_| seen.swap(true, SeqCst))));
    overtaken
        .expect_answered()
        .returning(move |_, _, _| Ok(Some(answer).filter(|_| stored.swap(true, SeqCst))));
    let registering = world.registering_on(Arc::new(overtaken));
    let repeated = registering.register(who, &service, key()).await;
    assert_eq!(repeated.unwrap(), first.unwrap());
}

#[tokio::test]
async fn a_call_overtaken_before_the_window_turned_gives_back_only_its_own_places() {
    let world = World::new();
    let service = learn_me_with_reads(400, 10, 1000);
    let who = world.person(1).await;
    let turn = "2026-11-23T21:00:00Z".parse().unwrap();
    world.clock.set(turn - SECOND);
    world.register(who, &service).await.unwrap();
    let late = late_call(&world, who, &service).await;
    world.clock.set(turn);
    let registering = world.registering_on(Arc::new(late));
    let outcome = registering.register(who, &service, None).await;
    assert!(matches!(outcome, Err(RegisterError::CooldownActive { .. })));
    // The new day's place is free again. The month's is the one that the first call recorded.
    assert_eq!(world.counted(&service).await, [Some(0), Some(10)]);
}

#[tokio::test]
async fn without_a_cooldown_the_overtaken_call_is_the_next_turn() {
    let world = World::new();
    let service = Service {
        cooldown: Duration::ZERO,
        ..learn_me(400)
    };
    let who = world.person(1).await;
    for position in 1..=2 {
        let registered = world.register(who, &service).await.unwrap();
        assert_eq!(
            registered,
            Registered {
                position,
                limit: 400
            }
        );
    }
    let key = &keys_at(&service, world.now())[0];
    let places = world.store.places(key).await.unwrap();
    let holders: Vec<_> = places.iter().map(|place| place.holder.clone()).collect();
    let turns = [1, 2].map(|number| Turn {
        user: who.user,
        number,
    });
    assert_eq!(holders, turns.map(Turn::holder));
}

#[tokio::test]
async fn a_place_reserved_by_a_call_that_crashed_is_found_by_the_next() {
    let world = World::new();
    let service = learn_me(400);
    let people = world.people(2).await;
    let crashed = Turn {
        user: people[0].user,
        number: 1,
    }
    .holder();
    let budgets = service.budgets_at(world.now());
    let reserved = world.quotas().reserve(&crashed, &budgets).await.unwrap();
    assert_eq!(reserved.unwrap()[0].seat, 1);
    let other = world.register(people[1], &service).await.unwrap();
    assert_eq!(other.position, 2);
    let again = world.register(people[0], &service).await.unwrap();
    assert_eq!(again.position, 1);
    let reservation = Reservation {
        holder: crashed,
        budgets,
        at: world.now(),
    };
    let held = world.counter.reserve(&reservation).await.unwrap();
    assert!(matches!(held, ReserveOutcome::Reserved(taken) if taken[0].state.used == 2));
}
