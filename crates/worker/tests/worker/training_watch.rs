use std::{
    ops::RangeInclusive,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Clock, Outbox, OverdueOutcome, OverduePosition, OverdueStep, OverdueTraining,
        Registrations, RetryOutcome, StoreError, TrainingDeadlines, mocks::MockTrainingDeadlines,
    },
    usecases::TrainingSweep,
    values::{
        Catalogue, QueueName, RequestId, Service, ServicePath, ServiceQueues, ServiceType,
        TrainingState, UserId,
    },
};
use lemon_worker::TrainingWatch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::world::{World, eventually};

fn deadlines(
    world: &World,
    trainings: Arc<dyn TrainingDeadlines>,
    catalogue: Arc<Catalogue>,
) -> TrainingWatch {
    let trainings = TrainingSweep {
        deadlines: trainings,
        quotas: world.quotas.clone(),
        clock: world.clock.clone(),
    };
    TrainingWatch::new(trainings, catalogue)
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
    let mut sweep = deadlines(&world, world.store.clone(), world.catalogue.clone());
    for announcement in 0..3 {
        assert_eq!(send(&world).await, 120, "announcement {announcement}");
        world.clock.advance(Duration::from_secs(6 * 60 * 60));
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
async fn the_watch_sweeps_at_once_and_ends_when_told() {
    let world = World::new();
    world.registered(1).await;
    send(&world).await;
    world.clock.advance(Duration::from_secs(6 * 60 * 60));
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

fn overdue(n: u32, at: DateTime<Utc>) -> OverdueTraining {
    OverdueTraining {
        user: UserId::new(n.into()),
        service: ServiceType::parse("DRAWME").unwrap(),
        request_id: RequestId::new(Uuid::from_u128(n.into())),
        announcements: 1,
        announced_at: at,
        found_at: at,
    }
}

/// Trainings of which those of some people cannot be settled, and what was settled.
struct Stubborn {
    stuck: RangeInclusive<i64>,
    error: fn() -> StoreError,
    open: Mutex<Vec<OverdueTraining>>,
}

#[async_trait]
impl TrainingDeadlines for Stubborn {
    async fn overdue(
        &self,
        _: &ServiceType,
        _: Duration,
        after: Option<OverduePosition>,
        max: u32,
        _: DateTime<Utc>,
    ) -> Result<Vec<OverdueTraining>, StoreError> {
        let open = self.open.lock().unwrap();
        let behind = open
            .iter()
            .filter(|training| after.is_none_or(|after| training.position() > after));
        Ok(behind.take(max.try_into().unwrap()).cloned().collect())
    }

    async fn settle(
        &self,
        training: &OverdueTraining,
        _: OverdueStep,
    ) -> Result<OverdueOutcome, StoreError> {
        if self.stuck.contains(&training.user.get()) {
            return Err((self.error)());
        }
        let mut open = self.open.lock().unwrap();
        open.retain(|other| other != training);
        Ok(OverdueOutcome::Announced)
    }

    async fn retry(&self, _: RequestId, _: DateTime<Utc>) -> Result<RetryOutcome, StoreError> {
        Ok(RetryOutcome::Unknown)
    }
}

#[tokio::test]
async fn trainings_that_cannot_be_settled_do_not_hide_later_ones() {
    let corrupt = || StoreError::Corrupt {
        table: "accounts",
        key: "1".to_owned(),
        source: "spoilt".into(),
    };
    let locked = || StoreError::Unreached("locked".into());
    // A store that fails three times in a row is taken to be away: those behind have their turn in the next sweeps.
    let faults: [(fn() -> StoreError, usize); 2] = [(corrupt, 1), (locked, 60_usize.div_ceil(3))];
    for (error, sweeps) in faults {
        let world = World::new();
        let at = world.clock.now();
        let trainings = Arc::new(Stubborn {
            stuck: 1..=60,
            error,
            open: Mutex::new((1..=200).map(|n| overdue(n, at)).collect()),
        });
        let mut watch = deadlines(&world, trainings.clone(), world.catalogue.clone());
        for _ in 0..=sweeps {
            watch.sweep(&CancellationToken::new()).await;
        }
        let open = trainings.open.lock().unwrap();
        let left: Vec<_> = open.iter().map(|it| it.user.get()).collect();
        assert_eq!(left, (1..=60).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn the_failure_of_one_service_or_training_does_not_stop_the_others() {
    let world = World::new();
    let mut trainings = MockTrainingDeadlines::new();
    trainings
        .expect_overdue()
        .withf(|service, _, _, _, _| service.as_str() == "LEARNME")
        .times(1)
        .returning(|_, _, _, _, _| Err(StoreError::Unavailable("broke off".into())));
    let at = world.clock.now();
    let found = [overdue(1, at), overdue(2, at)];
    trainings
        .expect_overdue()
        .withf(|service, _, _, _, _| service.as_str() == "DRAWME")
        .times(2)
        .returning(move |_, _, after, _, _| {
            let behind = found
                .iter()
                .filter(|it| after.is_none_or(|after| it.position() > after));
            Ok(behind.cloned().collect())
        });
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
    let mut sweep = deadlines(&world, Arc::new(trainings), two_services(&world));
    sweep.sweep(&CancellationToken::new()).await;
}

#[tokio::test]
async fn the_watch_sweeps_often_enough_for_the_shortest_deadline() {
    let world = World::new();
    let mut brief = (*world.service()).clone();
    let every =
        |catalogue: Catalogue| deadlines(&world, world.store.clone(), Arc::new(catalogue)).every();
    let usual = Catalogue::new(vec![brief.clone()]).unwrap();
    assert_eq!(every(usual), Duration::from_secs(60));
    brief.training.deadline = Duration::from_secs(2);
    let brief = Catalogue::new(vec![brief]).unwrap();
    assert_eq!(every(brief), Duration::from_millis(500));
}
