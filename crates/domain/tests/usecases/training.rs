use lemon_domain::{
    ports::{FinishOutcome, Outbox, Registrations},
    usecases::Trainings,
    values::{RequestId, TaskKind, TrainingReady},
};
use uuid::Uuid;

use crate::world::{SECOND, World, account, learn_me};

fn trainings(world: &World) -> Trainings {
    Trainings {
        registrations: world.store.clone(),
        clock: world.clock.clone(),
        ids: world.ids.clone(),
    }
}

fn ready(n: u32) -> TrainingReady {
    TrainingReady {
        account: account(n),
        service: learn_me(1).service_type,
        request_id: None,
    }
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
async fn a_training_is_finished_once_by_any_number_of_ready_messages() {
    let world = World::new();
    let who = world.person(1).await;
    world.register(who, &learn_me(1)).await.unwrap();
    let trainings = trainings(&world);
    let outcome = trainings.finish(&ready(1)).await.unwrap();
    let request_id = world.store.list(who.user).await.unwrap()[0].request_id;
    let finished = FinishOutcome::Finished {
        user: who.user,
        request_id,
    };
    assert_eq!(outcome, finished);
    for _ in 0..3 {
        let outcome = trainings.finish(&ready(1)).await.unwrap();
        assert_eq!(outcome, FinishOutcome::AlreadyFinished);
    }
    assert!(world.store.list(who.user).await.unwrap()[0].ready);
    let tasks = tasks(&world).await;
    assert_eq!(tasks, [TaskKind::Train, TaskKind::Notify]);
}

#[tokio::test]
async fn a_training_of_an_earlier_request_finishes_nothing() {
    let world = World::new();
    let who = world.person(1).await;
    world.register(who, &learn_me(1)).await.unwrap();
    let late = TrainingReady {
        request_id: Some(RequestId::new(Uuid::max())),
        ..ready(1)
    };
    let outcome = trainings(&world).finish(&late).await.unwrap();
    assert_eq!(outcome, FinishOutcome::Superseded);
    assert!(!world.store.list(who.user).await.unwrap()[0].ready);
}

#[tokio::test]
async fn delete_jobs_for_unknown_people_have_their_own_request_ids() {
    let world = World::new();
    for n in [1, 2] {
        let outcome = trainings(&world).finish(&ready(n)).await.unwrap();
        assert_eq!(outcome, FinishOutcome::NotRegistered);
    }
    let rows = world.store.claim(100, SECOND, world.now()).await.unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.content.kind == TaskKind::Delete));
    assert_ne!(rows[0].request_id, rows[1].request_id);
    assert_eq!(rows[0].created_at, world.now());
}
