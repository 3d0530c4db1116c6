//! Callers who abandon a registration: what they were told stays true.

use std::sync::Arc;

use lemon_domain::{
    ports::{
        Outbox, QuotaError, Registrations, RequestOutcome, ReserveOutcome, SeatTaken, StoreError,
        Taken,
    },
    usecases::{Permit, Quotas, RegisterError, Registering, RegisteringPorts},
    values::{BudgetName, BudgetState, Identity, Registered, Service},
};

use crate::{
    mocks::{MockQuotaCounter, MockRegistrations},
    world::{SECOND, World, idempotency_key, keys_at, learn_me},
};

/// A store that knows nobody's uses.
fn no_uses() -> MockRegistrations {
    let mut registrations = MockRegistrations::new();
    registrations.expect_last_use().returning(|_, _| Ok(None));
    registrations
}

async fn register_with(
    registering: &Registering,
    permit: &Permit,
    who: Identity,
) -> Result<Registered, RegisterError> {
    let service = learn_me(400);
    let accepted = registering.register_with(permit, who, &service, None);
    accepted.await.map(|accepted| accepted.registered)
}

fn assert_abandoned(outcome: &Result<Registered, RegisterError>) {
    assert!(
        matches!(outcome, Err(RegisterError::Abandoned)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_call_abandoned_before_the_reservation_takes_nothing() {
    let world = World::new();
    let who = world.person(1).await;
    for hung_up in [false, true] {
        let permit = Arc::new(Permit::default());
        let deadline = Arc::clone(&permit);
        let mut registrations = MockRegistrations::new();
        registrations.expect_last_use().returning(move |_, _| {
            if hung_up {
                deadline.hang_up();
            } else {
                assert!(deadline.abandon());
            }
            Ok(None)
        });
        let registering = world.registering_on(Arc::new(registrations));
        assert_abandoned(&register_with(&registering, &permit, who).await);
        assert_eq!(world.counted(&learn_me(400)).await, [None]);
    }
}

/// A counter whose answer comes together with the deadline of the caller, or with the end of their connection.
fn late_counter(
    service: &Service,
    world: &World,
    leave: impl Fn() + Send + 'static,
) -> MockQuotaCounter {
    let key = keys_at(service, world.now()).remove(0);
    let mut counter = MockQuotaCounter::new();
    counter.expect_reserve().times(1).returning(move |_| {
        leave();
        Ok(ReserveOutcome::Reserved(vec![Taken {
            seat: 1,
            units: 1,
            state: BudgetState {
                key: key.clone(),
                limit: 400,
                used: 1,
            },
        }]))
    });
    counter
}

fn registering_on(
    world: &World,
    registrations: Arc<dyn Registrations>,
    counter: MockQuotaCounter,
) -> Registering {
    let (store, clock) = (world.store.clone(), world.clock.clone());
    let quotas = Quotas::new(Arc::new(counter), store, clock, Registering::GRACE);
    Registering::new(RegisteringPorts {
        registrations,
        quotas: Arc::new(quotas),
        clock: world.clock.clone(),
        ids: world.ids.clone(),
    })
}

#[tokio::test]
async fn a_call_abandoned_after_the_reservation_gives_the_place_back() {
    let world = World::new();
    let who = world.person(1).await;
    let permit = Arc::new(Permit::default());
    let deadline = Arc::clone(&permit);
    let mut counter = late_counter(&learn_me(400), &world, move || assert!(deadline.abandon()));
    counter
        .expect_release()
        .times(1)
        .returning(|_, _, _| Ok(()));
    let registering = registering_on(&world, Arc::new(no_uses()), counter);
    assert_abandoned(&register_with(&registering, &permit, who).await);
}

#[tokio::test]
async fn a_person_who_hangs_up_after_the_reservation_is_registered() {
    let world = World::new();
    let who = world.person(1).await;
    let permit = Arc::new(Permit::default());
    let caller = Arc::clone(&permit);
    let counter = late_counter(&learn_me(400), &world, move || caller.hang_up());
    let registering = registering_on(&world, world.store.clone(), counter);
    let registered = register_with(&registering, &permit, who).await;
    assert_eq!(registered.unwrap().position, 1);
}

#[tokio::test]
async fn a_deadline_during_the_store_step_does_not_hide_its_outcome() {
    let world = World::new();
    let who = world.person(1).await;
    let permit = Arc::new(Permit::default());
    let deadline = Arc::clone(&permit);
    let mut registrations = no_uses();
    registrations.expect_request().times(1).returning(move |_| {
        assert!(!deadline.abandon(), "its outcome is not known");
        Ok(RequestOutcome::Registered)
    });
    let registering = world.registering_on(Arc::new(registrations));
    let registered = register_with(&registering, &permit, who).await;
    assert_eq!(registered.unwrap().position, 1);
}

#[tokio::test]
async fn no_attempt_begins_after_the_deadline() {
    let world = World::new();
    let who = world.person(1).await;
    let permit = Arc::new(Permit::default());
    let deadline = Arc::clone(&permit);
    let mut registrations = no_uses();
    registrations.expect_request().times(1).returning(move |_| {
        assert!(!deadline.abandon());
        Ok(RequestOutcome::SeatTaken(SeatTaken {
            budget: BudgetName::daily(),
            seat: 1,
        }))
    });
    let registering = world.registering_on(Arc::new(registrations));
    assert_abandoned(&register_with(&registering, &permit, who).await);
    assert_eq!(world.counted(&learn_me(400)).await, [Some(0)]);
}

#[tokio::test]
async fn a_store_that_was_not_reached_has_stored_nothing() {
    let world = World::new();
    let who = world.person(1).await;
    let permit = Permit::default();
    let mut registrations = no_uses();
    registrations
        .expect_request()
        .times(1)
        .returning(|_| Err(StoreError::Unreached("away".into())));
    let registering = world.registering_on(Arc::new(registrations));
    let outcome = register_with(&registering, &permit, who).await;
    assert!(matches!(outcome, Err(RegisterError::Store(_))));
    assert!(permit.abandon(), "that nothing is stored is known");
}

/// The counter is away when the place of the second call is to be given back.
#[tokio::test]
async fn a_repeated_attempt_is_answered_while_the_counter_is_unavailable() {
    let world = World::new();
    let service = learn_me(400);
    let who = world.person(1).await;
    let answer = Registered {
        position: 7,
        limit: 400,
    };
    let mut registrations = no_uses();
    registrations
        .expect_answered()
        .returning(|_, _, _| Ok(None));
    registrations
        .expect_request()
        .returning(move |_| Ok(RequestOutcome::Repeated(answer)));
    let mut counter = late_counter(&service, &world, || ());
    counter
        .expect_release()
        .returning(|_, _, _| Err(QuotaError::Unavailable("away".into())));
    let registering = registering_on(&world, Arc::new(registrations), counter);
    let key = Some(idempotency_key("attempt 1"));
    let outcome = registering.register(who, &service, key).await;
    assert_eq!(outcome.unwrap(), answer);
    let jobs = world.store.claim(10, SECOND, world.now()).await.unwrap();
    assert_eq!(jobs, []);
}
