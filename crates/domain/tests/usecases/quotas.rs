use std::sync::Arc;

use chrono::{DateTime, Utc};
use lemon_contracts::race;
use lemon_domain::{
    ports::{PlaceRecord, QuotaCounter, QuotaError, RecordSums, ReserveOutcome},
    usecases::{Quotas, QuotasError, Registering},
    values::{Catalogue, Holder, Turn, UserId},
};

use crate::{
    mocks::{MockPlaceRecord, MockQuotaCounter, broken_off},
    world::{SECOND, World, keys_at, learn_me, learn_me_with_reads},
};

fn holder(n: i64) -> Holder {
    Turn {
        user: UserId::new(n),
        number: 1,
    }
    .holder()
}

fn quotas_on(
    world: &World,
    counter: Arc<dyn QuotaCounter>,
    record: Arc<dyn PlaceRecord>,
) -> Arc<Quotas> {
    let clock = world.clock.clone();
    Arc::new(Quotas::new(counter, record, clock, Registering::GRACE))
}

#[tokio::test]
async fn a_counter_that_knows_nothing_is_restored_before_it_admits_anybody() {
    let world = World::new();
    let service = learn_me_with_reads(3, 10, 30);
    for who in world.people(2).await {
        world.register(who, &service).await.unwrap();
    }
    world.counter.forget_all();
    let budgets = service.budgets_at(world.now());
    let taken = world.quotas().reserve(&holder(99), &budgets).await.unwrap();
    let seats: Vec<_> = taken.unwrap().iter().map(|place| place.seat).collect();
    assert_eq!(seats, [3, 3]);
    let refused = world.quotas().reserve(&holder(98), &budgets).await.unwrap();
    assert_eq!(refused.unwrap_err().state.key, budgets[0].key);
}

#[tokio::test]
async fn one_budget_that_was_forgotten_is_restored_and_the_others_stay_as_they_are() {
    let world = World::new();
    let service = learn_me_with_reads(3, 10, 30);
    let who = world.person(1).await;
    world.register(who, &service).await.unwrap();
    let budgets = service.budgets_at(world.now());
    world
        .quotas()
        .reserve(&holder(99), &budgets)
        .await
        .unwrap()
        .unwrap();
    world.counter.forget(&budgets[1].key);
    let usage = world.quotas().usage(&budgets).await.unwrap();
    assert_eq!(usage, [2, 10]);
}

#[tokio::test]
async fn usage_is_answered_even_if_the_counter_knew_nothing() {
    let world = World::new();
    let budgets = learn_me_with_reads(3, 10, 30).budgets_at(world.now());
    assert_eq!(world.quotas().usage(&budgets).await.unwrap(), [0, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_caller_restores_and_the_others_wait() {
    let world = World::new();
    let budgets = learn_me(400).budgets_at(world.now());
    let mut record = MockPlaceRecord::new();
    record
        .expect_sums()
        .times(1)
        .returning(|_, _| Ok(RecordSums::default()));
    let quotas = quotas_on(&world, world.counter.clone(), Arc::new(record));
    let taken = race(20, |i| {
        let (quotas, budgets) = (quotas.clone(), budgets.clone());
        let holder = holder(i64::try_from(i).unwrap());
        async move { quotas.reserve(&holder, &budgets).await.unwrap().is_ok() }
    })
    .await;
    assert_eq!(taken, [true; 20]);
}

#[tokio::test]
async fn reconciling_gives_back_unrecorded_places_after_the_grace() {
    let world = World::new();
    let service = learn_me_with_reads(400, 10, 1000);
    let catalogue = Catalogue::new(vec![service.clone()]).unwrap();
    let recorded = world.person(1).await;
    world.register(recorded, &service).await.unwrap();
    let quotas = world.quotas();
    let budgets = service.budgets_at(world.now());
    quotas
        .reserve(&holder(98), &budgets)
        .await
        .unwrap()
        .unwrap();
    let grace_ends = world.now() + Registering::GRACE;
    world.clock.advance(SECOND);
    quotas
        .reserve(&holder(99), &budgets)
        .await
        .unwrap()
        .unwrap();
    world.clock.set(grace_ends);
    assert!(quotas.reconcile(&catalogue).await.is_empty());
    assert_eq!(world.counted(&service).await, [Some(3), Some(30)]);
    world.clock.advance(SECOND);
    assert!(quotas.reconcile(&catalogue).await.is_empty());
    assert_eq!(world.counted(&service).await, [Some(2), Some(20)]);
    world.clock.advance(SECOND);
    assert!(quotas.reconcile(&catalogue).await.is_empty());
    assert_eq!(world.counted(&service).await, [Some(1), Some(10)]);
}

#[tokio::test]
async fn a_person_who_asks_again_within_the_grace_keeps_the_place() {
    let world = World::new();
    let service = learn_me(400);
    let catalogue = Catalogue::new(vec![service.clone()]).unwrap();
    let quotas = world.quotas();
    let budgets = service.budgets_at(world.now());
    for _ in 0..3 {
        let taken = quotas.reserve(&holder(1), &budgets).await.unwrap().unwrap();
        assert_eq!(taken[0].seat, 1);
        world.clock.advance(Registering::GRACE);
        assert!(quotas.reconcile(&catalogue).await.is_empty());
    }
    assert_eq!(world.counted(&service).await, [Some(1)]);
}

#[tokio::test]
async fn reconciling_restores_the_places_that_the_counter_lost() {
    let world = World::new();
    let service = learn_me_with_reads(400, 10, 1000);
    let catalogue = Catalogue::new(vec![service.clone()]).unwrap();
    for who in world.people(3).await {
        world.register(who, &service).await.unwrap();
    }
    let keys = keys_at(&service, world.now());
    let mut record = MockPlaceRecord::new();
    record
        .expect_sums()
        .returning(|_, _| Ok(RecordSums::default()));
    world.counter.forget_all();
    let misinformed = quotas_on(&world, world.counter.clone(), Arc::new(record));
    misinformed.restore(&keys).await.unwrap();
    assert_eq!(world.counted(&service).await, [Some(0), Some(0)]);
    assert!(world.quotas().reconcile(&catalogue).await.is_empty());
    assert_eq!(world.counted(&service).await, [Some(3), Some(30)]);
}

#[tokio::test]
async fn a_released_place_goes_to_the_next_person() {
    let world = World::new();
    let budgets = learn_me(1).budgets_at(world.now());
    let quotas = world.quotas();
    quotas.reserve(&holder(1), &budgets).await.unwrap().unwrap();
    let full = quotas.reserve(&holder(2), &budgets).await.unwrap();
    assert!(full.is_err());
    let keys = [budgets[0].key.clone()];
    quotas
        .release(&holder(1), &keys, DateTime::<Utc>::MAX_UTC)
        .await
        .unwrap();
    quotas.reserve(&holder(2), &budgets).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_counter_that_keeps_forgetting_is_unavailable() {
    let world = World::new();
    let budgets = learn_me(400).budgets_at(world.now());
    let mut counter = MockQuotaCounter::new();
    let key = budgets[0].key.clone();
    counter
        .expect_reserve()
        .returning(move |_| Ok(ReserveOutcome::Unknown(key.clone())));
    counter.expect_usage().returning(|_| Ok(vec![None]));
    counter.expect_begin_restoration().returning(|_| Ok(None));
    let quotas = quotas_on(&world, Arc::new(counter), world.store.clone());
    let reserved = quotas.reserve(&holder(1), &budgets).await;
    let used = quotas.usage(&budgets).await;
    for error in [reserved.unwrap_err(), used.unwrap_err()] {
        assert!(matches!(error, QuotasError::Counter(cause) if cause.is_transient()));
    }
}

#[tokio::test]
async fn without_the_record_a_forgotten_window_admits_nobody() {
    let world = World::new();
    let budgets = learn_me(400).budgets_at(world.now());
    let mut record = MockPlaceRecord::new();
    record.expect_sums().returning(|_, _| Err(broken_off()));
    let quotas = quotas_on(&world, world.counter.clone(), Arc::new(record));
    let outcome = quotas.reserve(&holder(1), &budgets).await;
    let Err(QuotasError::Restoration(cause)) = outcome else {
        panic!("not restored: {outcome:?}");
    };
    assert!(matches!(*cause, QuotasError::Record(_)));
    let counted = world.counter.usage(&[budgets[0].key.clone()]).await;
    assert_eq!(counted.unwrap(), [None]);
}

#[tokio::test]
async fn a_failure_of_the_counter_is_reported() {
    let world = World::new();
    let keys = keys_at(&learn_me(400), world.now());
    let mut counter = MockQuotaCounter::new();
    counter
        .expect_release()
        .returning(|_, _, _| Err(QuotaError::Rejected("no such command".into())));
    let quotas = quotas_on(&world, Arc::new(counter), world.store.clone());
    let outcome = quotas
        .release(&holder(1), &keys, DateTime::<Utc>::MAX_UTC)
        .await;
    assert!(matches!(
        outcome,
        Err(QuotasError::Counter(QuotaError::Rejected(_)))
    ));
}
