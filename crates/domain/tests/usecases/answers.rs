//! What an answer tells of the quota comes from the reservation: the counter is asked once.

use std::sync::Arc;

use lemon_domain::{
    ports::{Registrations, RequestOutcome, ReserveOutcome, Taken},
    usecases::{Accepted, Permit, Quotas, RegisterError, Registering, RegisteringPorts},
    values::{BudgetState, Registered, Service},
};

use crate::{
    mocks::{MockPlaceRecord, MockQuotaCounter, MockRegistrations},
    world::{World, idempotency_key, keys_at, learn_me},
};

/// On a counter that is asked once, and on registrations of which nothing is known.
fn registering(world: &World, outcome: ReserveOutcome) -> Registering {
    let mut counter = MockQuotaCounter::new();
    let mut outcome = Some(outcome);
    counter
        .expect_reserve()
        .times(1)
        .returning(move |_| Ok(outcome.take().unwrap()));
    let mut registrations = MockRegistrations::new();
    registrations.expect_last_use().returning(|_, _| Ok(None));
    registrations
        .expect_request()
        .returning(|_| Ok(RequestOutcome::Registered));
    registering_on(world, counter, registrations)
}

fn registering_on(
    world: &World,
    counter: MockQuotaCounter,
    registrations: impl Registrations,
) -> Registering {
    let quotas = Quotas::new(
        Arc::new(counter),
        Arc::new(MockPlaceRecord::new()),
        world.clock.clone(),
        Registering::GRACE,
    );
    Registering::new(RegisteringPorts {
        registrations: Arc::new(registrations),
        quotas: Arc::new(quotas),
        clock: world.clock.clone(),
        ids: world.ids.clone(),
    })
}

/// So many are taken, whatever the seat says.
fn daily(world: &World, service: &Service, used: u32) -> BudgetState {
    BudgetState {
        key: keys_at(service, world.now()).remove(0),
        limit: service.daily.limit,
        used,
    }
}

#[tokio::test]
async fn an_accepted_request_has_the_state_of_its_reservation() {
    let world = World::new();
    let service = learn_me(400);
    let who = world.person(1).await;
    let state = daily(&world, &service, 41);
    let taken = Taken {
        seat: 7,
        units: 1,
        state: state.clone(),
    };
    let registering = registering(&world, ReserveOutcome::Reserved(vec![taken]));
    let permit = Permit::default();
    let accepted = registering.register_with(&permit, who, &service, None);
    let accepted = accepted.await.unwrap();
    let expected = Accepted {
        registered: Registered {
            position: 7,
            limit: 400,
        },
        request_id: accepted.request_id,
        daily: Some(state),
    };
    assert_eq!(accepted, expected);
    assert!(accepted.request_id.is_some());
}

#[tokio::test]
async fn a_refused_request_has_the_state_of_its_reservation() {
    let world = World::new();
    let service = learn_me(400);
    let who = world.person(1).await;
    let state = daily(&world, &service, 400);
    let registering = registering(
        &world,
        ReserveOutcome::Exhausted {
            state: state.clone(),
            held: Vec::new(),
        },
    );
    let permit = Permit::default();
    let refused = registering.register_with(&permit, who, &service, None);
    let refused = refused.await.unwrap_err();
    assert!(matches!(refused, RegisterError::QuotaExhausted(told) if told == state));
}

#[tokio::test]
async fn an_attempt_that_is_remembered_asks_the_counter_nothing() {
    let world = World::new();
    let who = world.person(1).await;
    let answered = Registered {
        position: 7,
        limit: 400,
    };
    let mut registrations = MockRegistrations::new();
    registrations.expect_last_use().returning(|_, _| Ok(None));
    registrations
        .expect_answered()
        .returning(move |_, _, _| Ok(Some(answered)));
    let registering = registering_on(&world, MockQuotaCounter::new(), registrations);
    let (permit, service) = (Permit::default(), learn_me(400));
    let accepted = registering.register_with(&permit, who, &service, Some(idempotency_key("once")));
    let expected = Accepted {
        registered: answered,
        request_id: None,
        daily: None,
    };
    assert_eq!(accepted.await.unwrap(), expected);
}
