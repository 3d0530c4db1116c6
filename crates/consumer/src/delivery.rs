use std::{panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use futures::FutureExt;
use lemon_domain::{
    ports::{Delivery, JobQueue, Outgoing, QueueError, Receipt},
    traces::{TraceSpan, Tracer, in_span, in_trace},
    values::QueueName,
    with_causes,
};
use tokio::{
    sync::{Semaphore, mpsc},
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::{
    availability::{Cause, Dependencies},
    config::ConsumerConfig,
    control::Control,
    handler::{Handler, Outcome},
    lease::{LeaseEnd, heartbeat},
    measures::{ConsumerMetrics, DeadLetterCause, DeliveryOutcome},
};

/// The dead-letter reason for a message whose handler panics. The text of the panic may quote the message.
const PANICKED: &str = "its handler panicked";
/// The dead-letter reason for a message that failed while others succeeded. Its error is in the log.
const FAILED_ALONE: &str = "each attempt failed, while other messages succeeded";

/// A consumer at work: the state that pollers and deliveries in flight share.
pub(crate) struct Engine<H> {
    pub(crate) queue: Arc<dyn JobQueue>,
    pub(crate) name: QueueName,
    pub(crate) handler: H,
    pub(crate) config: ConsumerConfig,
    pub(crate) control: Control,
    pub(crate) tracer: Tracer,
    /// Room for deliveries in flight.
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) availability: Dependencies,
    pub(crate) measures: ConsumerMetrics,
    pub(crate) in_flight: TaskTracker,
    pub(crate) acks: mpsc::Sender<Receipt>,
    pub(crate) stop: CancellationToken,
}

/// What to do with a delivery.
enum Settlement {
    Acknowledge,
    Retry {
        after: Option<Duration>,
        /// Why it is dead-lettered if this was its last receive.
        cause: DeadLetterCause,
        reason: String,
    },
    DeadLetter {
        cause: DeadLetterCause,
        reason: String,
    },
    /// Send it back as if it had not been received.
    GiveBack,
    /// Do nothing: it belongs to another consumer.
    Leave,
}

impl<H: Handler> Engine<H> {
    /// Handles a delivery, and settles it as the outcome demands. What it causes is caused within the span, or else from the
    /// trace context that its sender gave.
    pub(crate) async fn process(&self, delivery: Delivery, mut span: Option<TraceSpan>) {
        let _in_flight = self.measures.in_flight();
        let trace = delivery.trace.clone().filter(|_| span.is_none());
        let deciding = pin!(self.decide(&delivery));
        let deciding = in_trace(trace, in_span(span.as_ref(), deciding));
        let handled = AssertUnwindSafe(deciding).catch_unwind();
        let decision = handled.await.unwrap_or_else(|_| {
            error!(
                attempt = delivery.attempt,
                "the handler of a delivery panicked"
            );
            Settlement::Retry {
                after: None,
                cause: DeadLetterCause::Panicked,
                reason: PANICKED.to_owned(),
            }
        });
        let outcome = self.settle(&delivery, decision).await;
        if let Some(span) = &mut span {
            span.set("outcome", outcome.as_str());
            if outcome.is_failure() {
                span.fail();
            }
        }
        self.measures.ended(outcome);
    }

    async fn decide(&self, delivery: &Delivery) -> Settlement {
        let message = match self.handler.decode(&delivery.body) {
            Ok(message) => message,
            Err(malformed) => {
                return Settlement::DeadLetter {
                    cause: DeadLetterCause::Malformed,
                    reason: malformed.to_string(),
                };
            }
        };
        let (queue, visibility) = (&*self.queue, self.config.visibility);
        tokio::select! {
            // First, so that nothing begins after the grace period.
            biased;
            () = self.grace_ends() => Settlement::GiveBack,
            decision = self.handle(&message) => decision,
            end = heartbeat(queue, &self.name, &delivery.receipt, visibility) => match end {
                LeaseEnd::Lost => Settlement::Leave,
                LeaseEnd::Exhausted => Settlement::GiveBack,
            },
        }
    }

    async fn grace_ends(&self) {
        self.stop.cancelled().await;
        if !self.config.grace.is_zero() {
            sleep(self.config.grace).await;
        }
    }

    /// Handles a message, and again while it is held, until it can be settled.
    async fn handle(&self, message: &H::Message) -> Settlement {
        let mut waits = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(5))
            .without_max_times()
            .build();
        let mut held = None;
        loop {
            let reason = match self.handler.handle(message).await {
                Outcome::Done => {
                    self.availability.success();
                    return Settlement::Acknowledge;
                }
                Outcome::AlreadyDone => return Settlement::Acknowledge,
                Outcome::Retry { after, reason } => {
                    return Settlement::Retry {
                        after,
                        cause: DeadLetterCause::Exhausted,
                        reason,
                    };
                }
                Outcome::DeadLetter { reason } => {
                    return Settlement::DeadLetter {
                        cause: DeadLetterCause::Refused,
                        reason,
                    };
                }
                Outcome::Hold { reason } => reason,
            };
            if self.stop.is_cancelled() {
                return Settlement::GiveBack;
            }
            let (held, _counted) =
                held.get_or_insert_with(|| (self.availability.hold(), self.measures.held()));
            match held.over(self.config.hold) {
                Some(Cause::Own) => {
                    warn!(
                        reason,
                        "a delivery is no longer held, because other deliveries succeed"
                    );
                    return Settlement::Retry {
                        after: None,
                        cause: DeadLetterCause::FailedAlone,
                        reason: FAILED_ALONE.to_owned(),
                    };
                }
                // Others need its room. Otherwise it stays: a copy may be a duplicate if answers of the queue are lost.
                Some(Cause::Away) if self.slots.available_permits() == 0 => {
                    return Settlement::GiveBack;
                }
                Some(Cause::Away) | None => warn!(reason, "a delivery is held"),
            }
            tokio::select! {
                biased;
                () = sleep(waits.next().unwrap_or_default()) => {}
                // The message is then handled for the last time.
                () = self.stop.cancelled() => {}
            }
        }
    }

    async fn settle(&self, delivery: &Delivery, decision: Settlement) -> DeliveryOutcome {
        match decision {
            Settlement::Acknowledge => {
                self.acknowledge(delivery).await;
                DeliveryOutcome::Done
            }
            Settlement::Retry { cause, reason, .. }
                if delivery.attempt >= self.config.max_receives =>
            {
                self.dead_letter(delivery, cause, &reason).await
            }
            Settlement::Retry { after, reason, .. } => self.retry(delivery, after, &reason).await,
            Settlement::DeadLetter { cause, reason } => {
                self.dead_letter(delivery, cause, &reason).await
            }
            Settlement::GiveBack => self.give_back(delivery).await,
            Settlement::Leave => {
                info!(
                    "the lease of a delivery is lost: another consumer may have received the message"
                );
                DeliveryOutcome::LeaseLost
            }
        }
    }

    /// Fails only if the acknowledging task has ended: then the message comes again.
    async fn acknowledge(&self, delivery: &Delivery) {
        drop(self.acks.send(delivery.receipt.clone()).await);
    }

    async fn retry(
        &self,
        delivery: &Delivery,
        after: Option<Duration>,
        reason: &str,
    ) -> DeliveryOutcome {
        let wait = after.unwrap_or_else(|| self.config.backoff_after(delivery.attempt));
        warn!(
            reason,
            attempt = delivery.attempt,
            wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            "a message failed and will be retried later"
        );
        self.release(delivery, wait).await;
        DeliveryOutcome::Retried
    }

    /// Sends the message as a new one, which has all its receives left, and acknowledges this one: a stop or an outage
    /// spends no receives. A crash in between leaves both, which does no harm.
    async fn give_back(&self, delivery: &Delivery) -> DeliveryOutcome {
        let copy = Outgoing {
            id: Uuid::nil(),
            body: delivery.body.clone(),
            trace: delivery.trace.clone(),
        };
        let sent = self.queue.send(&self.name, vec![copy]).await;
        match sent.into_iter().collect::<Result<(), QueueError>>() {
            Ok(()) => {
                info!("a delivery was given back as a new message");
                self.acknowledge(delivery).await;
            }
            Err(error) if error.is_transient() => comes_back_later(&error),
            Err(error) => {
                warn!(
                    error = with_causes(&error),
                    "a delivery cannot be given back as a new message"
                );
                self.release(delivery, Duration::ZERO).await;
            }
        }
        DeliveryOutcome::GivenBack
    }

    async fn release(&self, delivery: &Delivery, wait: Duration) {
        let receipt = &delivery.receipt;
        if let Err(error) = self.queue.retry_after(&self.name, receipt, wait).await {
            comes_back_later(&error);
        }
    }

    async fn dead_letter(
        &self,
        delivery: &Delivery,
        cause: DeadLetterCause,
        reason: &str,
    ) -> DeliveryOutcome {
        match self.queue.dead_letter(&self.name, delivery, reason).await {
            Ok(()) => {
                warn!(
                    reason,
                    attempt = delivery.attempt,
                    "a message is dead-lettered"
                );
                self.measures.dead_lettered(cause);
                DeliveryOutcome::DeadLettered
            }
            // It is received again, and moves to the dead-letter queue automatically after its last receive.
            Err(error) => {
                error!(
                    reason,
                    error = with_causes(&error),
                    "a message cannot be dead-lettered"
                );
                DeliveryOutcome::DeadLetterFailed
            }
        }
    }
}

fn comes_back_later(error: &QueueError) {
    warn!(
        error = with_causes(error),
        "a message cannot be made visible: it is received again only after its visibility timeout"
    );
}
