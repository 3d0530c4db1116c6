//! A budget that several services take from.

use lemon_contracts::{Store as _, race};
use lemon_domain::{
    ports::{Outbox, QuotaCounter},
    usecases::{RegisterError, TrainingSweep},
    values::{Catalogue, QueueName, Service, ServicePath, ServiceType, Turn},
};

use crate::world::{SECOND, World, keys_at, learn_me_with_reads};

/// Two services with ten places each, a use of which takes so many of a hundred units of a month.
fn services(units: [u32; 2]) -> [Service; 2] {
    let shares = |units| {
        let mut service = learn_me_with_reads(10, units, 100);
        service.budgets[0].is_shared = true;
        service
    };
    let queue = |name| QueueName::parse(name).unwrap();
    let mut drawing = shares(units[1]);
    drawing.service_type = ServiceType::parse("DRAWME").unwrap();
    drawing.path = ServicePath::parse("draw_me").unwrap();
    (drawing.queues.train, drawing.queues.delete) = (queue("draw"), queue("rub-out"));
    [shares(units[0]), drawing]
}

#[tokio::test]
async fn one_person_takes_from_a_shared_budget_for_each_service() {
    let world = World::new();
    let [learning, drawing] = services([30, 20]);
    let who = world.person(1).await;
    world.register(who, &learning).await.unwrap();
    world.register(who, &drawing).await.unwrap();
    for service in [&learning, &drawing] {
        assert_eq!(world.counted(service).await, [Some(1), Some(50)]);
    }
    let shared = &keys_at(&learning, world.now())[1];
    assert_eq!(shared, &keys_at(&drawing, world.now())[1]);
    let first = Turn {
        user: who.user,
        number: 1,
    };
    let places = world.store.places(shared).await.unwrap();
    let holders: Vec<_> = places.iter().map(|place| &place.holder).collect();
    let expected = [&learning, &drawing].map(|service| service.holder(first));
    assert_eq!(holders, expected.iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_crowd_of_all_services_never_takes_more_than_there_is() {
    let world = World::new();
    let services = services([30, 20]);
    let people = world.people(20).await;
    let outcomes = race(20, |n| {
        let (registering, who) = (world.registering(), people[n]);
        let service = services[n % 2].clone();
        async move { registering.register(who, &service, None).await }
    })
    .await;
    let accepted = |service: usize| {
        let theirs = outcomes.iter().skip(service).step_by(2);
        u32::try_from(theirs.filter(|outcome| outcome.is_ok()).count()).unwrap()
    };
    let taken = 30 * accepted(0) + 20 * accepted(1);
    assert!(taken <= 100 && taken + 30 > 100, "{taken}: {outcomes:?}");
    let counted = world.counted(&services[0]).await;
    assert_eq!(counted, [Some(accepted(0)), Some(taken)]);
    let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    for error in refused {
        assert!(matches!(error, RegisterError::QuotaExhausted(_)), "{error}");
    }
}

#[tokio::test]
async fn a_counter_that_forgot_is_restored_with_the_places_of_all_services() {
    let world = World::new();
    let services = services([30, 20]);
    let who = world.person(1).await;
    for service in &services {
        world.register(who, service).await.unwrap();
    }
    world.counter.forget_all();
    let late = world.person(2).await;
    world.register(late, &services[0]).await.unwrap();
    assert_eq!(world.counted(&services[0]).await, [Some(2), Some(80)]);
    let catalogue = Catalogue::new(services.to_vec()).unwrap();
    assert!(world.quotas().reconcile(&catalogue).await.is_empty());
    assert_eq!(world.counted(&services[1]).await, [Some(1), Some(80)]);
}

#[tokio::test]
async fn a_training_that_failed_gives_back_the_units_of_its_service() {
    let world = World::new();
    let [mut learning, drawing] = services([30, 20]);
    learning.training.attempts = 1;
    let who = world.person(1).await;
    world.register(who, &learning).await.unwrap();
    world.register(who, &drawing).await.unwrap();
    let rows = world.store.claim(10, SECOND, world.now()).await.unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    world.store.remove(&ids).await.unwrap();
    world.clock.advance(learning.training.deadline + SECOND);
    let sweep = TrainingSweep {
        deadlines: world.store.clone(),
        quotas: world.quotas(),
        clock: world.clock.clone(),
    };
    let overdue = sweep.overdue(&learning, None, 10).await.unwrap();
    assert_eq!(overdue.len(), 1);
    sweep.settle(&learning, &overdue[0]).await.unwrap();
    let shared = keys_at(&learning, world.now()).split_off(1);
    assert_eq!(world.counter.usage(&shared).await.unwrap(), [Some(20)]);
    let left = world.store.places(&shared[0]).await.unwrap();
    assert_eq!(left.iter().map(|place| place.units).sum::<u32>(), 20);
}
