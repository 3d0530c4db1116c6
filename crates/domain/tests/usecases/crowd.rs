//! Many at once, on several replicas: each has a `Quotas` of its own, all share the counter and the store.

use std::{collections::BTreeSet, sync::Arc};

use lemon_contracts::{Store as _, race};
use lemon_domain::{
    ports::Outbox,
    usecases::RegisterError,
    values::{Registered, Service},
};

use crate::world::{World, idempotency_key, keys_at, learn_me, learn_me_with_reads};

const REPLICAS: usize = 3;

/// So many people ask at one instant.
async fn crowd(
    world: &World,
    people: u32,
    service: &Service,
) -> Vec<Result<Registered, RegisterError>> {
    crowd_and_then(world, people, service, |_| ()).await
}

/// So many people ask at one instant; what happens after the call of each.
async fn crowd_and_then(
    world: &World,
    people: u32,
    service: &Service,
    then: impl Fn(usize) + Send + Sync + 'static,
) -> Vec<Result<Registered, RegisterError>> {
    let people = world.people(people).await;
    let replicas: Vec<_> = (0..REPLICAS)
        .map(|_| Arc::new(world.registering()))
        .collect();
    let then = Arc::new(then);
    race(people.len(), |i| {
        let (who, service, then) = (people[i], service.clone(), then.clone());
        let replica = replicas[i % REPLICAS].clone();
        async move {
            let outcome = replica.register(who, &service, None).await;
            then(i);
            outcome
        }
    })
    .await
}

/// So many were accepted, each with a place of their own, and all the others told that the budget is exhausted.
async fn assert_admitted(
    world: &World,
    service: &Service,
    outcomes: &[Result<Registered, RegisterError>],
    admitted: u32,
    exhausted: &str,
) {
    let mut positions = BTreeSet::new();
    for outcome in outcomes {
        match outcome {
            Ok(registered) => assert!(positions.insert(registered.position)),
            Err(RegisterError::QuotaExhausted(state)) => {
                assert_eq!(state.key.budget.as_str(), exhausted);
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(positions, (1..=admitted).collect());
    let keys = keys_at(service, world.now());
    for key in &keys {
        let places = world.store.places(key).await.unwrap();
        let seats: BTreeSet<_> = places.iter().map(|place| place.seat).collect();
        assert_eq!(seats, (1..=admitted).collect());
    }
    let backlog = world.store.backlog(world.now()).await.unwrap();
    assert_eq!(backlog.rows, u64::from(admitted));
    // The counter is right too, or at once when it is reconciled.
    world.quotas().restore(&keys).await.unwrap();
    assert_eq!(world.counted(service).await[0], Some(admitted));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_500_people_exactly_400_get_the_400_places() {
    let world = World::new();
    let service = learn_me(400);
    let outcomes = crowd(&world, 500, &service).await;
    assert_eq!(world.counted(&service).await, [Some(400)]);
    assert_admitted(&world, &service, &outcomes, 400, "daily").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_smaller_than_the_places_is_admitted_whole() {
    let world = World::new();
    let service = learn_me(400);
    let outcomes = crowd(&world, 100, &service).await;
    assert_admitted(&world, &service, &outcomes, 100, "daily").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_scarcest_budget_bounds_the_crowd() {
    let world = World::new();
    let service = learn_me_with_reads(400, 3200, 3200 * 37 + 3199);
    let outcomes = crowd(&world, 200, &service).await;
    assert_eq!(world.counted(&service).await, [Some(37), Some(3200 * 37)]);
    assert_admitted(&world, &service, &outcomes, 37, "reads").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_counter_that_forgets_in_the_middle_of_the_crowd_admits_not_one_more() {
    let world = World::new();
    let service = learn_me(400);
    let counter = world.counter.clone();
    let outcomes = crowd_and_then(&world, 500, &service, move |i| {
        if i % 20 == 0 {
            counter.forget_all();
        }
    })
    .await;
    assert_admitted(&world, &service, &outcomes, 400, "daily").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_calls_of_one_person_make_one_registration_in_one_place() {
    let world = World::new();
    let service = learn_me_with_reads(400, 10, 1000);
    let who = world.person(1).await;
    let end = world.now() + service.cooldown;
    let registering = Arc::new(world.registering());
    let outcomes = race(20, |_| {
        let (registering, service) = (registering.clone(), service.clone());
        async move { registering.register(who, &service, None).await }
    })
    .await;
    let (accepted, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(accepted.len(), 1);
    for outcome in refused {
        assert!(matches!(outcome, Err(RegisterError::CooldownActive { until }) if until == end));
    }
    assert_eq!(world.counted(&service).await, [Some(1), Some(10)]);
    let backlog = world.store.backlog(world.now()).await.unwrap();
    assert_eq!(backlog.rows, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_calls_with_one_idempotency_key_all_answer_the_same() {
    let world = World::new();
    let service = learn_me(400);
    let people = world.people(2).await;
    world.register(people[0], &service).await.unwrap();
    let registering = Arc::new(world.registering());
    let answers = race(20, |_| {
        let (registering, service, who) = (registering.clone(), service.clone(), people[1]);
        let key = Some(idempotency_key("attempt 1"));
        async move { registering.register(who, &service, key).await.unwrap() }
    })
    .await;
    let second = Registered {
        position: 2,
        limit: 400,
    };
    assert_eq!(answers, vec![second; 20]);
    assert_eq!(world.counted(&service).await, [Some(2)]);
    let backlog = world.store.backlog(world.now()).await.unwrap();
    assert_eq!(backlog.rows, 2);
}
