use std::time::Duration;

use chrono::{DateTime, Utc};
use lemon_contracts::Store as _;
use lemon_domain::{
    ports::{Outbox, Publication, Registrations, StoreError},
    usecases::{Availability, RegisterError},
    values::{BudgetName, BudgetState, Identity, Registered, Service, TaskKind, Turn, UserId},
};

use crate::world::{
    DAY, SECOND, World, account, idempotency_key, keys_at, learn_me, learn_me_with_reads,
};

fn nth(position: u32, limit: u32) -> Registered {
    Registered { position, limit }
}

fn assert_exhausted(outcome: &Result<Registered, RegisterError>, budget: &str, of: u32) {
    let Err(RegisterError::QuotaExhausted(state)) = outcome else {
        panic!("{outcome:?} is not an exhausted quota");
    };
    assert_eq!((state.key.budget.as_str(), state.limit), (budget, of));
}

fn assert_cooling_down(outcome: &Result<Registered, RegisterError>, end: DateTime<Utc>) {
    assert!(
        matches!(outcome, Err(RegisterError::CooldownActive { until }) if *until == end),
        "{outcome:?} is not a cooldown until {end}"
    );
}

/// Takes every row out of the outbox, in order.
async fn tasks(world: &World) -> Vec<TaskKind> {
    let mut tasks = Vec::new();
    loop {
        let rows = world.store.claim(1000, SECOND, world.now()).await.unwrap();
        if rows.is_empty() {
            return tasks;
        }
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        world.store.remove(&ids).await.unwrap();
        tasks.extend(rows.iter().map(|row| row.content.kind));
    }
}

#[tokio::test]
async fn each_person_gets_the_number_of_their_place_of_the_day() {
    let world = World::new();
    let service = learn_me(400);
    for (who, n) in world.people(3).await.into_iter().zip(1..) {
        assert_eq!(world.register(who, &service).await.unwrap(), nth(n, 400));
        assert_eq!(world.store.list(who.user).await.unwrap().len(), 1);
    }
    assert_eq!(tasks(&world).await, [TaskKind::Train; 3]);
}

#[tokio::test]
async fn each_request_has_its_own_id() {
    let world = World::new();
    for who in world.people(2).await {
        world.register(who, &learn_me(2)).await.unwrap();
    }
    let rows = world.store.claim(10, SECOND, world.now()).await.unwrap();
    assert_ne!(rows[0].request_id, rows[1].request_id);
}

#[tokio::test]
async fn when_the_days_places_are_taken_the_next_person_is_refused_and_leaves_no_trace() {
    let world = World::new();
    let service = learn_me(2);
    let people = world.people(3).await;
    for who in &people[..2] {
        world.register(*who, &service).await.unwrap();
    }
    let outcome = world.register(people[2], &service).await;
    assert_exhausted(&outcome, "daily", 2);
    assert_eq!(world.counted(&service).await, [Some(2)]);
    let late = people[2].user;
    assert_eq!(world.store.list(late).await.unwrap(), []);
    let last_use = world.store.last_use(late, &service.service_type).await;
    assert_eq!(last_use.unwrap(), None);
    assert_eq!(tasks(&world).await.len(), 2);
}

#[tokio::test]
async fn the_refusal_says_until_when_the_window_runs() {
    let world = World::new();
    let who = world.person(1).await;
    let outcome = world.register(who, &learn_me(0)).await;
    let Err(RegisterError::QuotaExhausted(BudgetState { key, .. })) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(key.window.end.to_rfc3339(), "2026-11-23T21:00:00+00:00");
}

#[tokio::test]
async fn the_days_places_come_back_when_the_window_turns() {
    let world = World::new();
    let service = learn_me(1);
    let people = world.people(2).await;
    world.register(people[0], &service).await.unwrap();
    let turn = "2026-11-23T21:00:00Z".parse().unwrap();
    world.clock.set(turn - SECOND);
    let outcome = world.register(people[1], &service).await;
    assert_exhausted(&outcome, "daily", 1);
    world.clock.set(turn);
    let registered = world.register(people[1], &service).await;
    assert_eq!(registered.unwrap(), nth(1, 1));
}

#[tokio::test]
async fn a_person_waits_for_the_cooldown_and_then_uses_the_service_again() {
    let world = World::new();
    let service = learn_me(400);
    let who = world.person(1).await;
    let end = world.now() + service.cooldown;
    world.register(who, &service).await.unwrap();
    for at in [world.now(), end - SECOND] {
        world.clock.set(at);
        assert_cooling_down(&world.register(who, &service).await, end);
    }
    world.clock.set(end);
    let again = world.register(who, &service).await;
    assert_eq!(again.unwrap(), nth(1, 400));
    let last_use = world.store.last_use(who.user, &service.service_type).await;
    assert_eq!(last_use.unwrap().unwrap().turn, 2);
    assert_eq!(world.store.list(who.user).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_running_cooldown_is_answered_first_and_takes_no_place() {
    let world = World::new();
    let service = learn_me(1);
    let who = world.person(1).await;
    let end = world.now() + service.cooldown;
    world.register(who, &service).await.unwrap();
    assert_cooling_down(&world.register(who, &service).await, end);
    world.clock.advance(DAY);
    assert_cooling_down(&world.register(who, &service).await, end);
    let other = world.person(2).await;
    world.register(other, &service).await.unwrap();
}

#[tokio::test]
async fn the_same_idempotency_key_answers_the_same_again_and_nothing_happens_twice() {
    let world = World::new();
    let service = learn_me(400);
    let people = world.people(2).await;
    world.register(people[0], &service).await.unwrap();
    let registering = world.registering();
    let key = || Some(idempotency_key("attempt 1"));
    let who = people[1];
    let first = registering.register(who, &service, key()).await.unwrap();
    assert_eq!(first, nth(2, 400));
    for later in [SECOND, DAY, 30 * DAY] {
        world.clock.advance(later);
        let again = registering.register(who, &service, key()).await;
        assert_eq!(again.unwrap(), first);
    }
    assert_eq!(tasks(&world).await, [TaskKind::Train; 2]);
}

#[tokio::test]
async fn another_idempotency_key_is_another_request() {
    let world = World::new();
    let service = learn_me(400);
    let people = world.people(2).await;
    let registering = world.registering();
    let key = || Some(idempotency_key("attempt 1"));
    let first = registering.register(people[0], &service, key()).await;
    assert_eq!(first.unwrap(), nth(1, 400));
    let end = world.now() + service.cooldown;
    let other = Some(idempotency_key("attempt 2"));
    let second = registering.register(people[0], &service, other).await;
    assert_cooling_down(&second, end);
    let theirs = registering.register(people[1], &service, key()).await;
    assert_eq!(theirs.unwrap(), nth(2, 400));
}

#[tokio::test]
async fn an_old_idempotency_key_answers_the_same_after_a_later_one() {
    let world = World::new();
    let service = Service {
        cooldown: Duration::ZERO,
        ..learn_me(400)
    };
    let who = world.person(1).await;
    let registering = world.registering();
    for (attempt, position) in [("first", 1), ("second", 2), ("first", 1), ("second", 2)] {
        let key = Some(idempotency_key(attempt));
        let registered = registering.register(who, &service, key).await;
        assert_eq!(registered.unwrap(), nth(position, 400));
    }
    assert_eq!(tasks(&world).await, [TaskKind::Train; 2]);
    world
        .clock
        .advance(Duration::from_secs(24 * 60 * 60).saturating_sub(SECOND));
    world.purge().await;
    let key = Some(idempotency_key("first"));
    let registered = registering.register(who, &service, key).await;
    assert_eq!(registered.unwrap(), nth(1, 400), "remembered for a day");
}

#[tokio::test]
async fn an_unknown_person_is_refused_and_the_place_is_given_back() {
    let world = World::new();
    let service = learn_me(400);
    let people = world.people(2).await;
    let strangers = [
        Identity {
            user: UserId::new(-1),
            ..people[0]
        },
        Identity {
            account: account(9),
            ..people[0]
        },
        Identity {
            account: people[1].account,
            ..people[0]
        },
    ];
    for stranger in strangers {
        let outcome = world.register(stranger, &service).await;
        assert!(matches!(outcome, Err(RegisterError::UnknownPerson)));
    }
    assert_eq!(world.counted(&service).await, [Some(0)]);
}

#[tokio::test]
async fn a_deletion_keeps_the_cooldown_and_the_place() {
    let world = World::new();
    let service = learn_me(1);
    let people = world.people(2).await;
    let end = world.now() + service.cooldown;
    world.register(people[0], &service).await.unwrap();
    let registering = world.registering();
    assert!(
        registering
            .delete(people[0].user, &service)
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(registering.list(people[0].user).await.unwrap(), []);
    assert_cooling_down(&world.register(people[0], &service).await, end);
    let outcome = world.register(people[1], &service).await;
    assert_exhausted(&outcome, "daily", 1);
    assert_eq!(tasks(&world).await, [TaskKind::Delete]);
    assert!(
        registering
            .delete(people[0].user, &service)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_deleted_persons_place_counts_in_a_counter_that_forgot() {
    let world = World::new();
    let service = learn_me(1);
    let people = world.people(2).await;
    world.register(people[0], &service).await.unwrap();
    let deleted = world.registering().delete(people[0].user, &service).await;
    assert!(deleted.unwrap().is_some());
    world.counter.forget_all();
    let outcome = world.register(people[1], &service).await;
    assert_exhausted(&outcome, "daily", 1);
}

#[tokio::test]
async fn after_the_cooldown_and_the_purge_the_person_counts_as_new() {
    let world = World::new();
    let service = learn_me(400);
    let who = world.person(1).await;
    let key = || Some(idempotency_key("attempt 1"));
    let registering = world.registering();
    registering.register(who, &service, key()).await.unwrap();
    world.clock.advance(service.cooldown);
    assert_eq!(world.purge().await, 3, "a use, a place and an attempt");
    let again = registering.register(who, &service, key()).await;
    assert_eq!(again.unwrap(), nth(1, 400));
    let last_use = world.store.last_use(who.user, &service.service_type).await;
    assert_eq!(last_use.unwrap().unwrap().turn, 1);
    assert_eq!(tasks(&world).await, [TaskKind::Train; 2]);
}

#[tokio::test]
async fn publishing_reaches_the_registration() {
    let world = World::new();
    let service = learn_me(400);
    let people = world.people(2).await;
    world.register(people[0], &service).await.unwrap();
    let registering = world.registering();
    let publication = |who: Identity| Publication {
        user: who.user,
        service: service.service_type.clone(),
        public: true,
    };
    let set = registering.publish(publication(people[0])).await.unwrap();
    assert!(set.is_some_and(|registration| registration.public));
    let unset = registering.publish(publication(people[1])).await.unwrap();
    assert_eq!(unset, None);
}

#[tokio::test]
async fn all_budgets_are_taken_from_or_none() {
    let world = World::new();
    let people = world.people(4).await;
    let service = learn_me_with_reads(2, 3200, 10_000);
    world.register(people[0], &service).await.unwrap();
    world.register(people[1], &service).await.unwrap();
    assert_eq!(world.counted(&service).await, [Some(2), Some(6400)]);
    let daily_gone = world.register(people[2], &service).await;
    assert_exhausted(&daily_gone, "daily", 2);
    assert_eq!(world.counted(&service).await, [Some(2), Some(6400)]);
    world.clock.advance(DAY);
    world.register(people[2], &service).await.unwrap();
    let reads_gone = world.register(people[3], &service).await;
    assert_exhausted(&reads_gone, "reads", 10_000);
    assert_eq!(world.counted(&service).await, [Some(1), Some(9600)]);
}

#[tokio::test]
async fn every_place_is_recorded_with_its_units() {
    let world = World::new();
    let service = learn_me_with_reads(400, 3200, 10_000);
    let who = world.person(1).await;
    world.register(who, &service).await.unwrap();
    let mut units = Vec::new();
    for key in keys_at(&service, world.now()) {
        let places = world.store.places(&key).await.unwrap();
        assert_eq!(places.len(), 1);
        let turn = Turn {
            user: who.user,
            number: 1,
        };
        assert_eq!(places[0].holder, turn.holder());
        units.push((key.budget, places[0].units));
    }
    let reads = BudgetName::parse("reads").unwrap();
    assert_eq!(units, [(BudgetName::daily(), 1), (reads, 3200)]);
}

async fn availability(world: &World, service: &Service) -> Availability {
    world.registering().availability(service).await.unwrap()
}

#[tokio::test]
async fn can_use_is_true_exactly_when_a_request_finds_a_place() {
    let services = [
        learn_me(0),
        learn_me(5),
        learn_me_with_reads(5, 10, 39),
        learn_me_with_reads(5, 10, 40),
        learn_me_with_reads(5, 10, 9),
        learn_me_with_reads(2, 10, 1000),
    ];
    for service in services {
        let world = World::new();
        for (who, taken) in world.people(7).await.into_iter().zip(0..) {
            let before = availability(&world, &service).await;
            let outcome = world.register(who, &service).await;
            assert_eq!(before.can_use, outcome.is_ok(), "{before:?}");
            if let Ok(registered) = outcome {
                assert_eq!(before.daily.used, taken);
                assert_eq!(registered, nth(taken + 1, before.daily.limit));
            }
        }
    }
}

#[tokio::test]
async fn asking_for_the_availability_takes_nothing() {
    let world = World::new();
    let service = learn_me_with_reads(3, 1, 3);
    for _ in 0..5 {
        let now = availability(&world, &service).await;
        let daily = &now.daily;
        assert_eq!((now.can_use, daily.used, daily.limit), (true, 0, 3));
        assert_eq!(
            daily.key.window,
            service.daily.window.window_at(world.now())
        );
    }
}

#[tokio::test]
async fn a_lowered_limit_admits_nobody_and_leaves_nothing() {
    let world = World::new();
    let people = world.people(4).await;
    for who in &people[..3] {
        world.register(*who, &learn_me(3)).await.unwrap();
    }
    let lowered = learn_me(2);
    let now = availability(&world, &lowered).await;
    let daily = &now.daily;
    assert_eq!((now.can_use, daily.used, daily.limit), (false, 3, 2));
    assert_eq!(daily.remaining(), 0);
    let outcome = world.register(people[3], &lowered).await;
    assert_exhausted(&outcome, "daily", 2);
}

#[tokio::test]
async fn an_unknown_person_is_no_fault_of_the_store() {
    let unknown = RegisterError::from(StoreError::UnknownPerson);
    assert!(matches!(unknown, RegisterError::UnknownPerson));
    let fault = RegisterError::from(StoreError::Unavailable("broke".into()));
    assert!(matches!(
        fault,
        RegisterError::Store(StoreError::Unavailable(_))
    ));
}
