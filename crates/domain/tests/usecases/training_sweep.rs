//! Trainings that the workers lost.

use std::{sync::Arc, time::Duration};

use lemon_domain::{
    ports::{Outbox, QuotaError, Registrations},
    usecases::{Quotas, QuotasError, RegisterError, Registering, Swept, TrainingSweep},
    values::{Catalogue, Identity, Registered, Service, TaskKind, TrainingPolicy, TrainingState},
};

use lemon_contracts::Store as _;

use crate::{
    mocks::MockQuotaCounter,
    world::{DAY, SECOND, World, keys_at, learn_me, learn_me_with_reads},
};

const DEADLINE: Duration = Duration::from_secs(6 * 60 * 60);

fn sweep_with(world: &World, quotas: Arc<Quotas>) -> TrainingSweep {
    TrainingSweep {
        deadlines: world.store.clone(),
        quotas,
        clock: world.clock.clone(),
    }
}

/// Settles what is overdue; answers what was done.
async fn sweep(world: &World, service: &Service) -> Vec<Swept> {
    let sweep = sweep_with(world, world.quotas());
    let mut done = Vec::new();
    for training in sweep.overdue(service, None, 10).await.unwrap() {
        done.push(sweep.settle(service, &training).await.unwrap());
    }
    done
}

/// Has the outbox sent; answers what was.
async fn send(world: &World) -> Vec<TaskKind> {
    let rows = world.store.claim(10, SECOND, world.now()).await.unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    world.store.remove(&ids).await.unwrap();
    rows.iter().map(|row| row.content.kind).collect()
}

/// Announces a training as often as the service does, and lets it be lost each time.
async fn lose(world: &World, service: &Service) {
    for announcement in 1..=service.training.attempts {
        assert_eq!(send(world).await, [TaskKind::Train]);
        world.clock.advance(DEADLINE.saturating_sub(SECOND));
        assert_eq!(sweep(world, service).await.len(), 0);
        world.clock.advance(SECOND);
        if announcement < service.training.attempts {
            let done = sweep(world, service).await;
            assert!(matches!(done[..], [Swept::Announced]), "{done:?}");
        }
    }
}

async fn state(world: &World, who: Identity) -> TrainingState {
    world.store.list(who.user).await.unwrap()[0].state
}

#[tokio::test]
async fn a_lost_training_is_announced_as_often_as_configured_and_then_has_failed() {
    let world = World::new();
    let service = learn_me_with_reads(400, 10, 1000);
    let who = world.person(1).await;
    world.register(who, &service).await.unwrap();
    let request_id = world.store.list(who.user).await.unwrap()[0].request_id;
    lose(&world, &service).await;
    assert_eq!(state(&world, who).await, TrainingState::Training);
    let done = sweep(&world, &service).await;
    assert!(
        matches!(done[..], [Swept::Failed { given_back: Ok(()) }]),
        "{done:?}"
    );
    let failed = &world.store.list(who.user).await.unwrap()[0];
    assert_eq!(failed.state, TrainingState::Failed);
    assert_eq!(failed.request_id, request_id);
    assert_eq!(send(&world).await, []);
    assert_eq!(sweep(&world, &service).await.len(), 0);
}

#[tokio::test]
async fn a_training_with_one_attempt_is_not_announced_again() {
    let world = World::new();
    let service = Service {
        training: TrainingPolicy {
            attempts: 1,
            ..TrainingPolicy::default()
        },
        ..learn_me(400)
    };
    let who = world.person(1).await;
    world.register(who, &service).await.unwrap();
    lose(&world, &service).await;
    let done = sweep(&world, &service).await;
    assert!(matches!(done[..], [Swept::Failed { .. }]), "{done:?}");
}

#[tokio::test]
async fn a_failed_training_gives_its_running_places_back_and_can_be_requested_at_once() {
    let world = World::new();
    // 18 hours from noon on a new day has begun; the month runs on.
    let service = learn_me_with_reads(1, 10, 10);
    let people = world.people(2).await;
    world.register(people[0], &service).await.unwrap();
    let first_day = keys_at(&service, world.now()).remove(0);
    lose(&world, &service).await;
    assert_eq!(
        world
            .quotas()
            .usage(&service.budgets_at(world.now()))
            .await
            .unwrap(),
        [0, 10]
    );
    let refused = world.register(people[1], &service).await;
    assert!(matches!(refused, Err(RegisterError::QuotaExhausted { .. })));
    sweep(&world, &service).await;
    assert_eq!(world.counted(&service).await, [Some(0), Some(0)]);
    let kept = world.store.places(&first_day).await.unwrap();
    assert_eq!(kept.len(), 1, "the record of a day that is over stays");

    let again = world.register(people[0], &service).await.unwrap();
    let first_of_one = Registered {
        position: 1,
        limit: 1,
    };
    assert_eq!(again, first_of_one);
    let last_use = world.store.last_use(people[0].user, &service.service_type);
    assert_eq!(last_use.await.unwrap().unwrap().turn, 2);
    assert_eq!(state(&world, people[0]).await, TrainingState::Training);
}

#[tokio::test]
async fn a_place_that_the_counter_could_not_give_back_is_given_back_by_the_next_reconciliation() {
    let world = World::new();
    let service = learn_me_with_reads(400, 10, 1000);
    let who = world.person(1).await;
    world.register(who, &service).await.unwrap();
    lose(&world, &service).await;
    let mut away = MockQuotaCounter::new();
    away.expect_release()
        .returning(|_, _, _| Err(QuotaError::Unavailable("away".into())));
    let (store, clock) = (world.store.clone(), world.clock.clone());
    let quotas = Quotas::new(Arc::new(away), store, clock, Registering::GRACE);
    let without = sweep_with(&world, Arc::new(quotas));
    let overdue = without.overdue(&service, None, 10).await.unwrap();
    let done = without.settle(&service, &overdue[0]).await.unwrap();
    assert!(matches!(
        done,
        Swept::Failed {
            given_back: Err(QuotasError::Counter(_))
        }
    ));
    assert_eq!(state(&world, who).await, TrainingState::Failed);
    let catalogue = Catalogue::new(vec![service.clone()]).unwrap();
    assert!(world.quotas().reconcile(&catalogue).await.is_empty());
    assert_eq!(world.counted(&service).await, [Some(0), Some(0)]);
}

#[tokio::test]
async fn a_training_that_was_not_sent_yet_is_not_lost() {
    let world = World::new();
    let service = learn_me(400);
    let who = world.person(1).await;
    world.register(who, &service).await.unwrap();
    // The queue is away for a day.
    for _ in 0..4 {
        world.clock.advance(DEADLINE);
        let done = sweep(&world, &service).await;
        assert!(matches!(done[..], [Swept::Waiting]), "{done:?}");
    }
    world.clock.advance(DEADLINE / 2);
    assert_eq!(send(&world).await, [TaskKind::Train]);
    world.clock.advance(DEADLINE.saturating_sub(SECOND));
    assert_eq!(sweep(&world, &service).await.len(), 0);
    world.clock.advance(SECOND);
    let done = sweep(&world, &service).await;
    assert!(matches!(done[..], [Swept::Announced]), "{done:?}");
    assert_eq!(state(&world, who).await, TrainingState::Training);
}

#[tokio::test]
async fn a_second_concurrent_sweep_changes_nothing() {
    let world = World::new();
    let service = learn_me(400);
    let who = world.person(1).await;
    world.register(who, &service).await.unwrap();
    send(&world).await;
    world.clock.advance(DAY);
    let one = sweep_with(&world, world.quotas());
    let other = sweep_with(&world, world.quotas());
    let seen = other.overdue(&service, None, 10).await.unwrap();
    for training in one.overdue(&service, None, 10).await.unwrap() {
        let done = one.settle(&service, &training).await.unwrap();
        assert!(matches!(done, Swept::Announced));
    }
    let late = other.settle(&service, &seen[0]).await.unwrap();
    assert!(matches!(late, Swept::Overtaken));
    assert_eq!(send(&world).await, [TaskKind::Train]);
}
