use std::{
    future::pending,
    sync::atomic::{AtomicU64, Ordering},
};

use lemon_domain::values::{JobTicket, RequestId, TaskKind};
use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    with_local_recorder,
};
use tokio::runtime::Builder;

use super::*;

/// Counts what has the outcome `failed`.
#[derive(Default)]
struct FailedRedemptions(Arc<AtomicU64>);

impl Recorder for FailedRedemptions {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let mut labels = key.labels();
        if labels.any(|label| (label.key(), label.value()) == ("outcome", "failed")) {
            Counter::from_arc(Arc::clone(&self.0))
        } else {
            Counter::noop()
        }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn a_redemption_that_misses_its_deadline_is_counted_as_failed() {
    let of_job = TicketOfJob {
        ticket: JobTicket::of_random(&[7; JobTicket::BYTES]),
        kind: TaskKind::Notify,
        request_id: RequestId::new(uuid::Uuid::nil()),
    };
    let paused = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let failures = FailedRedemptions::default();
    let outcome = with_local_recorder(&failures, || paused.block_on(in_time(&of_job, pending())));
    assert!(outcome.is_err());
    assert_eq!(failures.0.load(Ordering::Relaxed), 1);
}
