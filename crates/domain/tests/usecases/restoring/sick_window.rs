//! A window that cannot be set right costs its service only.

use std::{pin::pin, sync::Arc, task::Poll};

use futures::poll;
use lemon_domain::{
    ports::{QuotaCounter, QuotaError},
    usecases::{Quotas, Registering},
    values::{BudgetName, Catalogue, QueueName, ServicePath, ServiceType},
};

use super::Counter;
use crate::world::{World, learn_me, learn_me_with_reads};

fn catalogue() -> Catalogue {
    let mut other = learn_me(400);
    other.service_type = ServiceType::parse("OTHER").unwrap();
    other.path = ServicePath::parse("other").unwrap();
    other.queues.train = QueueName::parse("OtherTrainQueue").unwrap();
    other.queues.delete = QueueName::parse("OtherDeleteQueue").unwrap();
    Catalogue::new(vec![learn_me_with_reads(400, 10, 1000), other]).unwrap()
}

/// A world whose counter fails for the window of the monthly reads.
fn sick(error: fn() -> QuotaError) -> (World, Arc<Counter>, Quotas) {
    let world = World::new();
    let counter = Arc::new(Counter {
        sick: Some((BudgetName::parse("reads").unwrap(), error)),
        ..Counter::default()
    });
    let quotas = Quotas::new(
        counter.clone(),
        world.store.clone(),
        world.clock.clone(),
        Registering::GRACE,
    );
    (world, counter, quotas)
}

fn corrupt() -> QuotaError {
    QuotaError::Corrupt {
        key: "reads".to_owned(),
        source: "not a counter".into(),
    }
}

#[tokio::test]
async fn a_window_that_cannot_be_corrected_is_reported_and_stops_no_other() {
    let (world, counter, quotas) = sick(corrupt);
    let catalogue = catalogue();
    let failed = quotas.reconcile(&catalogue).await;
    let budgets: Vec<&str> = failed.iter().map(|it| it.key.budget.as_str()).collect();
    assert_eq!(budgets, ["reads"]);
    assert!(!failed[0].error.is_transient());
    for service in catalogue.iter() {
        let daily = service.budgets_at(world.now()).swap_remove(0).key;
        assert_eq!(counter.inner.usage(&[daily]).await.unwrap(), [Some(0)]);
    }
    quotas.check(&catalogue).await.unwrap();
}

#[tokio::test]
async fn an_unavailable_counter_fails_the_check() {
    let (_world, _counter, quotas) = sick(|| QuotaError::Unavailable("no route".into()));
    assert!(quotas.check(&catalogue()).await.is_err());
}

#[tokio::test]
async fn a_window_that_is_still_to_be_restored_does_not_fail_the_check() {
    let world = World::new();
    let quotas = world.quotas();
    let catalogue = catalogue();
    let mut check = pin!(quotas.check(&catalogue));
    assert!(matches!(poll!(&mut check), Poll::Ready(Ok(()))));
    assert_eq!(world.counted(&learn_me(400)).await, [None]);
}
