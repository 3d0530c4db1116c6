use std::{pin::pin, sync::Arc, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use lemon_domain::{
    ports::{Delivery, MAX_BATCH, QueueError},
    traces::{SpanKind, TraceSpan},
    values::TraceContext,
    with_causes,
};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{sleep, timeout},
};
use tracing::{Instrument, error, info_span};

use crate::{config::LAST_RECEIVE, delivery::Engine, handler::Handler};

/// How long a receive waits until there is room for a whole batch: a receive of a batch costs as much as one of a
/// single message.
const FOR_A_BATCH: Duration = Duration::from_millis(20);

impl<H: Handler> Engine<H> {
    /// Receives until the stop. There is no batch barrier: each delivery has a task of its own.
    pub(crate) async fn poll(self: Arc<Self>) {
        loop {
            let slots = tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                slots = self.ready() => slots,
            };
            let Some(mut slots) = slots else { break };
            for delivery in self.receive(slots.num_permits()).await {
                let slot = slots.split(1);
                let traced = self.trace(&delivery);
                let context = traced.as_ref().map(TraceSpan::context);
                let span = info_span!(
                    "delivery",
                    queue = %self.name,
                    message.id = %delivery.message_id,
                    trace_id = context.map(TraceContext::trace).map(display),
                );
                let engine = Arc::clone(&self);
                let task = async move {
                    engine.process(delivery, traced).await;
                    drop(slot);
                };
                self.in_flight.spawn(task.instrument(span));
            }
        }
    }

    /// Begins the span of a delivery.
    fn trace(&self, delivery: &Delivery) -> Option<TraceSpan> {
        let parent = delivery.trace.as_ref();
        let mut span = self.tracer.begin(SpanKind::Consumer, "process", parent)?;
        span.rename(format!("process {}", self.name));
        span.set("messaging.destination.name", self.name.to_string());
        span.set("messaging.message.id", delivery.message_id.clone());
        span.set("attempt", delivery.attempt);
        Some(span)
    }

    /// Waits until there is room for a receive; answers its slots, at most a batch.
    async fn ready(&self) -> Option<OwnedSemaphorePermit> {
        self.control.resumed().await;
        let mut slots = Arc::clone(&self.slots).acquire_owned().await.ok()?;
        let others = u32::try_from(self.config.concurrency.clamp(1, MAX_BATCH) - 1).ok()?;
        let batch = Arc::clone(&self.slots).acquire_many_owned(others);
        if let Ok(batch) = timeout(FOR_A_BATCH, batch).await {
            slots.merge(batch.ok()?);
        } else {
            while slots.num_permits() < MAX_BATCH
                && let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned()
            {
                slots.merge(slot);
            }
        }
        self.availability.rest_while_away().await;
        Some(slots)
    }

    /// Receives, however long the queue is unavailable. After the stop it answers messages that come soon, or none.
    async fn receive(&self, max: usize) -> Vec<Delivery> {
        let mut waits = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(5))
            .without_max_times()
            .with_jitter()
            .build();
        while !self.stop.is_cancelled() {
            match self.receive_once(max).await {
                Some(Ok(deliveries)) => return deliveries,
                Some(Err(error)) => {
                    error!(
                        queue = %self.name,
                        error = with_causes(&error),
                        "messages cannot be received"
                    );
                    tokio::select! {
                        biased;
                        () = sleep(waits.next().unwrap_or_default()) => {}
                        () = self.stop.cancelled() => {}
                    }
                }
                None => break,
            }
        }
        Vec::new()
    }

    async fn receive_once(&self, max: usize) -> Option<Result<Vec<Delivery>, QueueError>> {
        let mut receiving = pin!(self.queue.receive(&self.name, max, self.config.wait));
        tokio::select! {
            biased;
            received = &mut receiving => Some(received),
            () = self.stop.cancelled() => timeout(LAST_RECEIVE, receiving).await.ok(),
        }
    }
}
