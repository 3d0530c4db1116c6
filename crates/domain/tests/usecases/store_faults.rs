//! A store that fails while a place is held for the request.

use std::sync::Arc;

use lemon_domain::{
    ports::{QuotaCounter, QuotaError, RequestOutcome, StoreError},
    usecases::{Quotas, QuotasError, RegisterError, Registering, RegisteringPorts},
    values::{Registered, Use},
};

use crate::{
    mocks::{MockQuotaCounter, MockRegistrations, broken_off},
    world::{DAY, SECOND, World, idempotency_key, keys_at, learn_me, learn_me_with_reads},
};

/// Registrations where nobody has used anything.
fn nobody_yet() -> MockRegistrations {
    let mut registrations = MockRegistrations::new();
    registrations.expect_last_use().returning(|_, _| Ok(None));
    registrations
}

#[tokio::test]
async fn a_store_that_certainly_stored_nothing_gives_the_places_back() {
    let certain = [
        || StoreError::Unreached("no route".into()),
        || StoreError::Rejected("a constraint".into()),
        || StoreError::Corrupt {
            table: "uses",
            key: "1".to_owned(),
            source: "no turn".into(),
        },
    ];
    for error in certain {
        let world = World::new();
        let service = learn_me_with_reads(400, 10, 1000);
        let who = world.person(1).await;
        let mut registrations = nobody_yet();
        registrations
            .expect_request()
            .times(1)
            .returning(move |_| Err(error()));
        let registering = world.registering_on(Arc::new(registrations));
        let outcome = registering.register(who, &service, None).await;
        assert!(matches!(outcome, Err(RegisterError::Store(_))));
        assert_eq!(world.counted(&service).await, [Some(0), Some(0)]);
    }
}

#[tokio::test]
async fn an_interrupted_store_step_keeps_the_place_for_the_repeated_call() {
    let world = World::new();
    let service = learn_me(400);
    let who = world.person(1).await;
    let mut registrations = nobody_yet();
    registrations
        .expect_request()
        .times(1)
        .returning(|_| Err(broken_off()));
    registrations
        .expect_request()
        .times(1)
        .withf(|new| new.turn == 1 && new.places[0].seat == 1)
        .returning(|_| Ok(RequestOutcome::Registered));
    let registering = world.registering_on(Arc::new(registrations));
    let first = registering.register(who, &service, None).await;
    assert!(matches!(
        first,
        Err(RegisterError::Store(StoreError::Unavailable(_)))
    ));
    assert_eq!(world.counted(&service).await, [Some(1)]);
    let other = world.person(2).await;
    let other = world.register(other, &service).await.unwrap();
    assert_eq!(other.position, 2);
    let again = registering.register(who, &service, None).await.unwrap();
    assert_eq!(again.position, 1);
    assert_eq!(world.counted(&service).await, [Some(2)]);
}

#[tokio::test]
async fn a_store_step_interrupted_after_storing_answers_the_repeated_call() {
    let world = World::new();
    let service = learn_me(400);
    let who = world.person(1).await;
    let stored = Use {
        turn: 1,
        window_start: keys_at(&service, world.now())[0].window.start,
        cooldown_until: world.now() + 7 * DAY,
    };
    let answer = Registered {
        position: 1,
        limit: 400,
    };
    let mut registrations = MockRegistrations::new();
    registrations
        .expect_answered()
        .times(1)
        .returning(|_, _, _| Ok(None));
    registrations
        .expect_last_use()
        .times(1)
        .returning(|_, _| Ok(None));
    registrations
        .expect_request()
        .times(1)
        .returning(|_| Err(broken_off()));
    registrations
        .expect_answered()
        .times(1)
        .returning(move |_, _, _| Ok(Some(answer)));
    registrations
        .expect_last_use()
        .returning(move |_, _| Ok(Some(stored.clone())));
    let registering = world.registering_on(Arc::new(registrations));
    let key = || Some(idempotency_key("attempt 1"));
    let first = registering.register(who, &service, key()).await;
    assert!(first.is_err());
    let again = registering.register(who, &service, key()).await.unwrap();
    assert_eq!(again.position, 1);
    let without_key = registering.register(who, &service, None).await;
    assert!(matches!(
        without_key,
        Err(RegisterError::CooldownActive { .. })
    ));
    assert_eq!(world.counted(&service).await, [Some(1)]);
}

#[tokio::test]
async fn a_place_without_a_repeated_call_is_given_back_after_the_grace() {
    let world = World::new();
    let service = learn_me(400);
    let who = world.person(1).await;
    let mut registrations = nobody_yet();
    registrations
        .expect_request()
        .returning(|_| Err(broken_off()));
    let registering = world.registering_on(Arc::new(registrations));
    assert!(registering.register(who, &service, None).await.is_err());
    let keys = keys_at(&service, world.now());
    world.clock.advance(Registering::GRACE);
    world.quotas().restore(&keys).await.unwrap();
    assert_eq!(world.counted(&service).await, [Some(1)]);
    world.clock.advance(SECOND);
    world.quotas().restore(&keys).await.unwrap();
    assert_eq!(world.counted(&service).await, [Some(0)]);
}

#[tokio::test]
async fn places_are_given_back_in_the_window_they_were_taken_from() {
    let world = World::new();
    let service = learn_me(400);
    let who = world.person(1).await;
    let before = keys_at(&service, world.now());
    let mut registrations = nobody_yet();
    let clock = world.clock.clone();
    registrations.expect_request().times(1).returning(move |_| {
        clock.advance(DAY);
        Err(StoreError::Rejected("a constraint".into()))
    });
    let registering = world.registering_on(Arc::new(registrations));
    assert!(registering.register(who, &service, None).await.is_err());
    assert_ne!(keys_at(&service, world.now()), before);
    assert_eq!(world.counter.usage(&before).await.unwrap(), [Some(0)]);
    assert_eq!(world.counted(&service).await, [None]);
}

#[tokio::test]
async fn a_store_that_cannot_be_read_takes_no_place() {
    let world = World::new();
    let service = learn_me(400);
    let who = world.person(1).await;
    let mut registrations = MockRegistrations::new();
    registrations
        .expect_last_use()
        .returning(|_, _| Err(broken_off()));
    let registering = world.registering_on(Arc::new(registrations));
    let outcome = registering.register(who, &service, None).await;
    assert!(matches!(outcome, Err(RegisterError::Store(_))));
    assert_eq!(world.counted(&service).await, [None]);
}

#[tokio::test]
async fn a_counter_that_fails_admits_nobody() {
    let world = World::new();
    let who = world.person(1).await;
    let mut counter = MockQuotaCounter::new();
    let unavailable = || QuotaError::Unavailable("no route".into());
    counter
        .expect_reserve()
        .returning(move |_| Err(unavailable()));
    counter
        .expect_usage()
        .returning(move |_| Err(unavailable()));
    let registering = Registering::new(RegisteringPorts {
        registrations: Arc::new(nobody_yet()),
        quotas: Arc::new(Quotas::new(
            Arc::new(counter),
            world.store.clone(),
            world.clock.clone(),
            Registering::GRACE,
        )),
        clock: world.clock.clone(),
        ids: world.ids.clone(),
    });
    let outcome = registering.register(who, &learn_me(400), None).await;
    assert!(matches!(
        outcome,
        Err(RegisterError::Quota(QuotasError::Counter(
            QuotaError::Unavailable(_)
        )))
    ));
    assert!(registering.availability(&learn_me(400)).await.is_err());
}
