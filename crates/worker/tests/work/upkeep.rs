use std::{sync::Arc, time::Duration};

use lemon_domain::{
    ports::{Clock, PendingSignIn, PendingSignIns, QuotaCounter},
    sealing::Sealed,
    values::{Holder, RequestToken},
};
use lemon_worker::Upkeep;
use tokio_util::sync::CancellationToken;

use crate::world::{World, eventually};

fn upkeep(world: &World) -> Upkeep {
    Upkeep {
        housekeeping: world.store.clone(),
        quotas: world.quotas.clone(),
        catalogue: world.catalogue.clone(),
        clock: world.clock.clone(),
        every: Duration::from_millis(5),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orphaned_place_is_given_back_and_a_recorded_one_stays() {
    let world = World::new();
    world.registered(1).await;
    let orphan = world.person(2).await;
    let budgets = world.service().budgets_at(world.clock.now());
    let holder = Holder {
        user: orphan.user,
        turn: 1,
    };
    world
        .quotas
        .reserve(holder, &budgets)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(world.quotas.usage(&budgets).await.unwrap(), [2]);

    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (upkeep, stop) = (upkeep(&world), stop.clone());
        async move { upkeep.run(stop).await }
    });
    world.clock.advance(Duration::from_mins(2));
    let counter: Arc<dyn QuotaCounter> = world.counter.clone();
    eventually("the orphan's place is free", async || {
        counter.usage(&[budgets[0].key.clone()]).await.unwrap() == [Some(1)]
    })
    .await;
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_nobody_came_back_for_is_removed() {
    let world = World::new();
    let token = RequestToken::parse("abandoned").unwrap();
    let expires_at = world.clock.now() + Duration::from_mins(10);
    let pending = PendingSignIn {
        token: token.clone(),
        secret: Sealed {
            key_id: "k1".to_owned(),
            data: vec![1],
        },
        expires_at,
    };
    world.store.put(pending).await.unwrap();
    let before = world.clock.now();
    world.clock.set(expires_at);
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (upkeep, stop) = (upkeep(&world), stop.clone());
        async move { upkeep.run(stop).await }
    });
    eventually(
        "it is gone, even by a clock that shows the time before",
        async || {
            let found = world.store.take(&token, before).await.unwrap();
            if let Some(pending) = found {
                world.store.put(pending).await.unwrap();
                return false;
            }
            true
        },
    )
    .await;
    stop.cancel();
    running.await.unwrap();
}
