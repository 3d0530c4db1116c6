//! A counter that knows nothing is restored from the record: shared by all who wait, and resumed.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering::SeqCst},
};

use futures::{future::join_all, poll};
use lemon_domain::usecases::QuotasError;
use tokio::sync::Semaphore;

use super::{Bench, Record, holder, ten_segments};

#[tokio::test]
async fn all_callers_that_wait_for_a_restoration_share_its_failure() {
    let bench = Bench::new(|clock| Record {
        permits: Semaphore::new(0),
        fails: true,
        ..Record::of([1], clock)
    });
    let quotas = bench.quotas();
    let (quotas, budgets) = (&quotas, &bench.budgets);
    let callers = (0..20).map(|n| async move { quotas.reserve(&holder(n), budgets).await });
    let mut callers = pin!(join_all(callers));
    assert!(poll!(&mut callers).is_pending());
    bench.record.permits.add_permits(100);
    for outcome in callers.await {
        let error = outcome.unwrap_err();
        assert!(error.is_transient());
        let QuotasError::Restoration(cause) = error else {
            panic!("not of the restoration: {error:?}");
        };
        assert!(matches!(*cause, QuotasError::Record(_)));
    }
    assert_eq!(bench.record.read(), [0]);
    assert_eq!(bench.used().await, None);
}

#[tokio::test]
async fn a_failure_is_not_shared_with_later_callers() {
    let mut bench = Bench::new(|clock| Record {
        fails: true,
        ..Record::of([1], clock)
    });
    let quotas = bench.quotas();
    assert!(quotas.usage(&bench.budgets).await.is_err());
    drop(quotas);
    Arc::get_mut(&mut bench.record).unwrap().fails = false;
    assert_eq!(bench.quotas().usage(&bench.budgets).await.unwrap(), [1]);
}

#[tokio::test]
async fn a_cancelled_caller_does_not_end_the_restoration_for_the_others() {
    let bench = Bench::new(|clock| Record {
        permits: Semaphore::new(0),
        ..Record::of(ten_segments(), clock)
    });
    let quotas = bench.quotas();
    let mut first = Box::pin(quotas.usage(&bench.budgets));
    let mut second = Box::pin(quotas.usage(&bench.budgets));
    assert!(poll!(&mut first).is_pending());
    assert!(poll!(&mut second).is_pending());
    bench.record.permits.add_permits(3);
    assert!(poll!(&mut first).is_pending());
    drop(first);
    bench.record.permits.add_permits(20);
    assert_eq!(second.await.unwrap(), [10]);
    // Nothing was read twice: it was one restoration.
    assert_eq!(bench.record.read().len(), 10);
}

#[tokio::test]
async fn a_restoration_that_all_callers_abandoned_continues_where_it_stopped() {
    let bench = Bench::new(|clock| Record {
        permits: Semaphore::new(5),
        ..Record::of(ten_segments(), clock)
    });
    let quotas = bench.quotas();
    let mut given_up = Box::pin(quotas.usage(&bench.budgets));
    while bench.counter.restored.load(SeqCst) < 5 {
        assert!(poll!(&mut given_up).is_pending());
        tokio::task::yield_now().await;
    }
    drop(given_up);
    assert_eq!(bench.used().await, None);
    bench.record.read();
    bench.record.permits.add_permits(20);
    // Another replica.
    assert_eq!(bench.quotas().usage(&bench.budgets).await.unwrap(), [10]);
    assert_eq!(bench.record.read(), [5, 6, 7, 8, 9]);
}

#[tokio::test]
async fn a_counter_that_forgets_while_it_is_restored_is_restored_from_the_beginning() {
    let bench = Bench::new(|clock| Record {
        permits: Semaphore::new(5),
        ..Record::of(ten_segments(), clock)
    });
    let quotas = bench.quotas();
    let mut caller = Box::pin(quotas.usage(&bench.budgets));
    while bench.counter.restored.load(SeqCst) < 5 {
        assert!(poll!(&mut caller).is_pending());
        tokio::task::yield_now().await;
    }
    bench.counter.inner.forget_all();
    bench.record.permits.add_permits(100);
    assert_eq!(caller.await.unwrap(), [10]);
}

#[tokio::test]
async fn two_replicas_that_restore_at_once_share_the_work() {
    let bench = Bench::new(|clock| Record::of(ten_segments(), clock));
    let (one, two) = (bench.quotas(), bench.quotas());
    let (one, two) = tokio::join!(one.usage(&bench.budgets), two.usage(&bench.budgets));
    assert_eq!(one.unwrap(), [10]);
    assert_eq!(two.unwrap(), [10]);
}
