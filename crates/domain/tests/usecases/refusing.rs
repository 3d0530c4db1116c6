//! What a refusal costs: the counter's answer, and the person's latest use. Never the record.

use std::sync::Arc;

use lemon_contracts::restore;
use lemon_domain::{
    ports::{Registrations, RequestOutcome},
    usecases::{Quotas, RegisterError, Registering, RegisteringPorts},
    values::{Identity, Service, Turn, Use},
};

use crate::{
    mocks::{MockPlaceRecord, MockRegistrations},
    world::{DAY, SECOND, World, keys_at, learn_me, learn_me_with_reads},
};

/// Of a record that must not be read; the counter knows the windows, of which nothing is taken.
async fn registering(
    world: &World,
    service: &Service,
    registrations: impl Registrations,
) -> Registering {
    for key in keys_at(service, world.now()) {
        restore(&*world.counter, &key, &[], world.now())
            .await
            .unwrap();
    }
    Registering::new(RegisteringPorts {
        registrations: Arc::new(registrations),
        quotas: Arc::new(Quotas::new(
            world.counter.clone(),
            Arc::new(MockPlaceRecord::new()),
            world.clock.clone(),
            Registering::GRACE,
        )),
        clock: world.clock.clone(),
        ids: world.ids.clone(),
    })
}

async fn take(world: &World, who: Identity, service: &Service, budget: usize) {
    let holder = Turn {
        user: who.user,
        number: 1,
    }
    .holder();
    let budgets = service.budgets_at(world.now());
    let quotas = world.quotas();
    let taken = quotas.reserve(&holder, &budgets[budget..=budget]);
    taken.await.unwrap().unwrap();
}

/// Somebody who never used the service; their latest use is read so often.
fn nobody(times: usize) -> MockRegistrations {
    let mut registrations = MockRegistrations::new();
    registrations
        .expect_last_use()
        .times(times)
        .returning(|_, _| Ok(None));
    registrations
}

#[tokio::test]
async fn a_request_that_comes_too_late_costs_one_row() {
    let world = World::new();
    let service = learn_me_with_reads(1, 10, 1000);
    let people = world.people(2).await;
    let registering = registering(&world, &service, nobody(1)).await;
    take(&world, people[0], &service, 0).await;
    let outcome = registering.register(people[1], &service, None).await;
    assert!(matches!(outcome, Err(RegisterError::QuotaExhausted { .. })));
}

#[tokio::test]
async fn a_request_that_comes_too_late_gives_back_its_place_in_another_budget() {
    let world = World::new();
    let service = learn_me_with_reads(1, 10, 1000);
    let people = world.people(2).await;
    let registering = registering(&world, &service, nobody(2)).await;
    take(&world, people[0], &service, 0).await;
    take(&world, people[1], &service, 1).await;
    assert_eq!(world.counted(&service).await, [Some(1), Some(10)]);
    let outcome = registering.register(people[1], &service, None).await;
    assert!(matches!(outcome, Err(RegisterError::QuotaExhausted { .. })));
    assert_eq!(world.counted(&service).await, [Some(1), Some(0)]);
}

#[tokio::test]
async fn a_place_that_another_call_recorded_meanwhile_is_not_given_back() {
    let world = World::new();
    let service = learn_me_with_reads(1, 10, 1000);
    let people = world.people(2).await;
    let who = people[1];
    let mut registrations = MockRegistrations::new();
    let mut last = None;
    let window = keys_at(&service, world.now())[0].window;
    let until = world.now() + DAY;
    registrations
        .expect_last_use()
        .times(2)
        .returning(move |_, _| {
            Ok(last.replace(Use {
                turn: 1,
                window_start: window.start,
                cooldown_until: until,
            }))
        });
    let registering = registering(&world, &service, registrations).await;
    take(&world, people[0], &service, 0).await;
    take(&world, who, &service, 1).await;
    let outcome = registering.register(who, &service, None).await;
    assert!(matches!(outcome, Err(RegisterError::QuotaExhausted { .. })));
    assert_eq!(world.counted(&service).await, [Some(1), Some(10)]);
}

/// The other call was made after the day had turned, this one before.
#[tokio::test]
async fn a_call_overtaken_on_the_next_day_gives_back_its_places_of_the_day_before() {
    let world = World::new();
    let service = learn_me_with_reads(400, 10, 1000);
    let who = world.person(1).await;
    let turn = "2026-11-23T21:00:00Z".parse().unwrap();
    world.clock.set(turn);
    let next_day = keys_at(&service, world.now())[0].window;
    let last = Use {
        turn: 1,
        window_start: next_day.start,
        cooldown_until: turn + 7 * DAY,
    };
    world.clock.set(turn - SECOND);
    let mut registrations = nobody(1);
    registrations
        .expect_request()
        .returning(move |_| Ok(RequestOutcome::UsedBefore(last.clone())));
    let registering = registering(&world, &service, registrations).await;
    let outcome = registering.register(who, &service, None).await;
    assert!(matches!(outcome, Err(RegisterError::CooldownActive { .. })));
    // The month's place is the other call's too.
    assert_eq!(world.counted(&service).await, [Some(0), Some(10)]);
}

#[tokio::test]
async fn a_running_cooldown_asks_the_counter_nothing() {
    let world = World::new();
    let service = learn_me(400);
    let who = world.person(1).await;
    let until = world.now() + DAY;
    let window_start = keys_at(&service, world.now())[0].window.start;
    let mut registrations = MockRegistrations::new();
    registrations
        .expect_last_use()
        .times(1)
        .returning(move |_, _| {
            Ok(Some(Use {
                turn: 1,
                window_start,
                cooldown_until: until,
            }))
        });
    let registering = registering(&world, &service, registrations).await;
    let outcome = registering.register(who, &service, None).await;
    assert!(matches!(outcome, Err(RegisterError::CooldownActive { .. })));
    assert_eq!(world.counted(&service).await, [Some(0)]);
}
