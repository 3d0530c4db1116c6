use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Clock, Expiring, Housekeeping, PURGE_PORTION, PURGE_SLACK, PendingSignIn, PendingSignIns,
        Purged, QuotaCounter, Registrations, SignInClaim, StoreError,
    },
    sealing::Sealed,
    values::{RequestToken, Turn, Verifier},
};
use lemon_fakes::MemoryStore;
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
    let holder = Turn {
        user: orphan.user,
        number: 1,
    }
    .holder();
    world
        .quotas
        .reserve(&holder, &budgets)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(world.quotas.usage(&budgets).await.unwrap(), [2]);

    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (upkeep, stop) = (upkeep(&world), stop.clone());
        async move { upkeep.run(stop).await }
    });
    world.clock.advance(Duration::from_secs(2 * 60));
    let counter: Arc<dyn QuotaCounter> = world.counter.clone();
    eventually("the orphan's place is free", async || {
        counter.usage(&[budgets[0].key.clone()]).await.unwrap() == [Some(1)]
    })
    .await;
    stop.cancel();
    running.await.unwrap();
}

fn pending(n: usize, expires_at: DateTime<Utc>) -> PendingSignIn {
    PendingSignIn {
        token: RequestToken::parse(format!("abandoned-{n}")).unwrap(),
        secret: Sealed {
            key_id: "k1".to_owned(),
            data: vec![1],
        },
        expires_at,
    }
}

/// Whether a sign-in is still stored, which a clock shows that is behind.
async fn is_stored(world: &World, n: usize) -> bool {
    let long_ago = DateTime::UNIX_EPOCH;
    let claim = SignInClaim::of(&Verifier::parse("verifier").unwrap());
    let token = pending(n, long_ago).token;
    let found = world.store.take(&token, &claim, long_ago).await;
    found.unwrap().is_some()
}

/// Starts an upkeep that does its work once, and stops it when `until` is done.
async fn once(upkeep: Upkeep, until: impl Future<Output = ()>) {
    let upkeep = Upkeep {
        every: Duration::from_secs(60 * 60),
        ..upkeep
    };
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { upkeep.run(stop).await }
    });
    until.await;
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_expired_sign_ins_are_all_removed_at_once() {
    let world = World::new();
    let expired = world.clock.now() - PURGE_SLACK;
    let many = 3 * usize::try_from(PURGE_PORTION).unwrap() + 1;
    for n in 0..many {
        world.store.put(pending(n, expired)).await.unwrap();
    }
    let fresh = world.clock.now();
    world.store.put(pending(many, fresh)).await.unwrap();
    once(upkeep(&world), async {
        eventually("all of them are gone", async || {
            for n in 0..many {
                if is_stored(&world, n).await {
                    return false;
                }
            }
            true
        })
        .await;
    })
    .await;
    assert!(is_stored(&world, many).await, "its slack is not over");
}

/// A store that fails at one kind.
struct Spoiled {
    store: Arc<MemoryStore>,
    kind: Expiring,
}

#[async_trait]
impl Housekeeping for Spoiled {
    async fn purge(&self, what: Expiring, now: DateTime<Utc>) -> Result<Purged, StoreError> {
        if what == self.kind {
            return Err(StoreError::Unavailable("this table cannot be read".into()));
        }
        self.store.purge(what, now).await
    }

    async fn time(&self) -> Result<DateTime<Utc>, StoreError> {
        self.store.time().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_of_one_kind_stops_no_other_and_no_reconciliation() {
    for kind in [Expiring::PendingSignIns, Expiring::Attempts] {
        let world = World::new();
        let who = world.registered(1).await;
        let expired = world.clock.now() - PURGE_SLACK;
        world.store.put(pending(1, expired)).await.unwrap();
        let housekeeping = Spoiled {
            store: world.store.clone(),
            kind,
        };
        let upkeep = Upkeep {
            housekeeping: Arc::new(housekeeping),
            ..upkeep(&world)
        };
        let service = world.service();
        world.clock.advance(service.cooldown + PURGE_SLACK);
        let daily = service.budgets_at(world.clock.now())[0].key.clone();
        once(upkeep, async {
            eventually("the use is gone and the window is known", async || {
                let last = world.store.last_use(who.user, &service.service_type).await;
                let usage = world.counter.usage(std::slice::from_ref(&daily)).await;
                last.unwrap().is_none() && usage.unwrap() == [Some(0)]
            })
            .await;
        })
        .await;
        let is_spoiled = kind == Expiring::PendingSignIns;
        assert_eq!(is_stored(&world, 1).await, is_spoiled);
    }
}
