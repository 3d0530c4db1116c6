//! The record's own totals of units, which are set right where they differ from its places, and only there.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use async_trait::async_trait;
use lemon_domain::{
    ports::{PlaceRecord, RecordSums, StoreError},
    usecases::{Quotas, Registering, Unreconciled},
    values::{BudgetKey, Place, Segment, Service},
};

use crate::world::{World, keys_at, learn_me, learn_me_with_reads};

/// A record without places whose sums say something else.
#[derive(Default)]
struct Record {
    units: u64,
    total: AtomicU64,
    /// What requests add to the total while the sums are read.
    meanwhile: u64,
    corrections: AtomicU64,
    /// The corrections take too long.
    is_slow: bool,
}

#[async_trait]
impl PlaceRecord for Record {
    async fn sums(&self, _: &BudgetKey, _: Segment) -> Result<RecordSums, StoreError> {
        self.total.fetch_add(self.meanwhile, SeqCst);
        Ok(RecordSums {
            units: self.units,
            ..RecordSums::default()
        })
    }

    async fn segment(&self, _: &BudgetKey, _: Segment) -> Result<Vec<Place>, StoreError> {
        Ok(Vec::new())
    }

    async fn total(&self, _: &BudgetKey) -> Result<u64, StoreError> {
        Ok(self.total.load(SeqCst))
    }

    async fn correct_total(&self, _: &BudgetKey) -> Result<bool, StoreError> {
        self.corrections.fetch_add(1, SeqCst);
        if self.is_slow {
            return Err(StoreError::Unavailable("too slow".into()));
        }
        Ok(true)
    }
}

/// A record with a counter that knows the last budget of a service.
async fn known(service: &Service, record: &Arc<Record>) -> (Quotas, BudgetKey) {
    let world = World::new();
    let (counter, clock) = (world.counter.clone(), world.clock.clone());
    let quotas = Quotas::new(counter, record.clone(), clock, Registering::GRACE);
    let key = keys_at(service, world.now()).pop().unwrap();
    lemon_contracts::restore(&*world.counter, &key, &[], world.now())
        .await
        .unwrap();
    (quotas, key)
}

/// How often a total was corrected by a look at that budget.
async fn corrections(service: &Service, record: Record) -> u64 {
    let record = Arc::new(record);
    let (quotas, key) = known(service, &record).await;
    quotas.restore(&[key]).await.unwrap();
    record.corrections.load(SeqCst)
}

fn wrong() -> Record {
    Record {
        units: 30,
        ..Record::default()
    }
}

#[tokio::test]
async fn no_request_corrects_a_total() {
    let record = Arc::new(wrong());
    let (quotas, key) = known(&learn_me_with_reads(3, 10, 100), &record).await;
    quotas.restore_window(&key).await.unwrap();
    assert_eq!(record.corrections.load(SeqCst), 0);
}

#[tokio::test]
async fn a_total_that_cannot_be_corrected_prevents_no_start() {
    let record = Arc::new(Record {
        is_slow: true,
        ..wrong()
    });
    let (quotas, key) = known(&learn_me_with_reads(3, 10, 100), &record).await;
    let error = quotas.restore(std::slice::from_ref(&key)).await;
    let error = error.unwrap_err();
    assert!(error.is_transient());
    assert!(!Unreconciled { key, error }.prevents_a_start());
}

#[tokio::test]
async fn a_total_is_corrected_where_it_differs_from_the_places_and_only_there() {
    for (units, total, expected) in [(30, 30, 0), (30, 31, 1), (30, 29, 1), (0, 1, 1), (0, 0, 0)] {
        let record = Record {
            units,
            total: total.into(),
            ..Record::default()
        };
        let service = learn_me_with_reads(3, 10, 100);
        assert_eq!(corrections(&service, record).await, expected, "{total}");
    }
}

#[tokio::test]
async fn a_request_stored_while_the_places_are_added_up_is_no_difference() {
    for (units, expected) in [(29, 1), (30, 0), (40, 0), (50, 0), (51, 1)] {
        let record = Record {
            units,
            total: 30.into(),
            meanwhile: 20,
            ..Record::default()
        };
        let service = learn_me_with_reads(3, 10, 100);
        assert_eq!(corrections(&service, record).await, expected, "{units}");
    }
}

#[tokio::test]
async fn the_days_budget_has_no_total() {
    let record = Record {
        units: 3,
        ..Record::default()
    };
    assert_eq!(corrections(&learn_me(3), record).await, 0);
}
