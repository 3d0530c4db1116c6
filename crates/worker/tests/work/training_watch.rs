use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Clock, Outbox, OverdueOutcome, OverdueStep, OverdueTraining, Registrations, StoreError,
        TrainingDeadlines,
    },
    usecases::TrainingSweep,
    values::{
        Catalogue, QueueName, Service, ServicePath, ServiceQueues, ServiceType, TrainingState,
    },
};
use lemon_worker::TrainingWatch;
use tokio_util::sync::CancellationToken;

use crate::world::{World, eventually};

mockall::mock! {
    Trainings {}

    #[async_trait]
    impl TrainingDeadlines for Trainings {
        async fn overdue(
            &self,
            service: &ServiceType,
            deadline: Duration,
            max: u32,
            now: DateTime<Utc>,
        ) -> Result<Vec<OverdueTraining>, StoreError>;
        async fn settle(
            &self,
            training: &OverdueTraining,
            step: OverdueStep,
        ) -> Result<OverdueOutcome, StoreError>;
    }
}

fn deadlines(
    world: &World,
    trainings: Arc<dyn TrainingDeadlines>,
    catalogue: Arc<Catalogue>,
) -> TrainingWatch {
    TrainingWatch {
        trainings: TrainingSweep {
            deadlines: trainings,
            quotas: world.quotas.clone(),
            clock: world.clock.clone(),
        },
        catalogue,
    }
}

async fn send(world: &World) -> usize {
    let claimed = world
        .store
        .claim(1000, Duration::from_secs(1), world.clock.now());
    let ids: Vec<_> = claimed.await.unwrap().iter().map(|row| row.id).collect();
    world.store.remove(&ids).await.unwrap();
    ids.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_lost_trainings_is_announced_again_and_in_the_end_has_failed() {
    let world = World::new();
    let mut people = Vec::new();
    for n in 1..=120 {
        people.push(world.registered(n).await);
    }
    let stop = CancellationToken::new();
    let sweep = deadlines(&world, world.store.clone(), world.catalogue.clone());
    for announcement in 0..3 {
        assert_eq!(send(&world).await, 120, "announcement {announcement}");
        world.clock.advance(Duration::from_hours(6));
        sweep.sweep(&stop).await;
    }
    assert_eq!(send(&world).await, 0);
    for who in people {
        let list = world.store.list(who.user).await.unwrap();
        assert_eq!(list[0].state, TrainingState::Failed);
        assert!(list[0].can_use_at <= world.clock.now());
    }
}

#[tokio::test]
async fn it_looks_at_once_and_ends_when_told() {
    let world = World::new();
    world.registered(1).await;
    send(&world).await;
    world.clock.advance(Duration::from_hours(6));
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let sweep = deadlines(&world, world.store.clone(), world.catalogue.clone());
        let stop = stop.clone();
        async move { sweep.run(stop).await }
    });
    eventually("the training is announced again", async || {
        world.store.backlog(world.clock.now()).await.unwrap().rows == 1
    })
    .await;
    stop.cancel();
    running.await.unwrap();
}

fn two_services(world: &World) -> Arc<Catalogue> {
    let learn_me = (*world.service()).clone();
    let other = Service {
        service_type: ServiceType::parse("DRAWME").unwrap(),
        path: ServicePath::parse("draw_me").unwrap(),
        queues: ServiceQueues {
            train: QueueName::parse("DrawMeTrainQueue").unwrap(),
            delete: QueueName::parse("DrawMeDeleteQueue").unwrap(),
            ..learn_me.queues.clone()
        },
        ..learn_me.clone()
    };
    Arc::new(Catalogue::new(vec![learn_me, other]).unwrap())
}

#[tokio::test]
async fn what_one_service_or_training_fails_with_does_not_hold_the_others() {
    let world = World::new();
    let training = |n: u128| OverdueTraining {
        user: lemon_domain::values::UserId::new(1),
        service: ServiceType::parse("DRAWME").unwrap(),
        request_id: lemon_domain::values::RequestId::new(uuid::Uuid::from_u128(n)),
        announcements: 1,
        announced_at: world.clock.now(),
        found_at: world.clock.now(),
    };
    let mut trainings = MockTrainings::new();
    trainings
        .expect_overdue()
        .withf(|service, _, _, _| service.as_str() == "LEARNME")
        .times(1)
        .returning(|_, _, _, _| Err(StoreError::Unavailable("broke off".into())));
    let found = vec![training(1), training(2)];
    trainings
        .expect_overdue()
        .withf(|service, _, _, _| service.as_str() == "DRAWME")
        .times(1)
        .returning(move |_, _, _, _| Ok(found.clone()));
    trainings.expect_settle().times(2).returning(|training, _| {
        if training.request_id.get().as_u128() == 1 {
            return Err(StoreError::Corrupt {
                table: "accounts",
                key: "1".to_owned(),
                source: "spoilt".into(),
            });
        }
        Ok(OverdueOutcome::Announced)
    });
    let sweep = deadlines(&world, Arc::new(trainings), two_services(&world));
    sweep.sweep(&CancellationToken::new()).await;
}

#[tokio::test]
async fn it_looks_often_enough_for_the_shortest_deadline() {
    let world = World::new();
    let mut brief = (*world.service()).clone();
    let every =
        |catalogue: Catalogue| deadlines(&world, world.store.clone(), Arc::new(catalogue)).every();
    let usual = Catalogue::new(vec![brief.clone()]).unwrap();
    assert_eq!(every(usual), Duration::from_mins(1));
    brief.training.deadline = Duration::from_secs(2);
    let brief = Catalogue::new(vec![brief]).unwrap();
    assert_eq!(every(brief), Duration::from_millis(500));
}
