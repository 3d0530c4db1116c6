//! One delivery in hand.

use std::{panic::AssertUnwindSafe, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use futures::FutureExt;
use lemon_domain::ports::{Delivery, MAX_RECEIVES, Outgoing, QueueError};
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};
use uuid::Uuid;

use super::{Consumer, Handler, Verdict, evidence::Cause, poller::Poller};
use crate::chain::chain;

/// The longest that the last try takes which a delivery gets at the stop: longer than a store's call.
pub(super) const LAST_TRY: Duration = Duration::from_secs(6);
/// How long a delivery that fails for a fault of its own waits after its first receive; each further wait is four times as
/// long, up to the longest. Its five receives last for an hour and a half.
const FIRST_RETRY: Duration = Duration::from_mins(1);
const LONGEST_RETRY: Duration = Duration::from_hours(1);

/// Why a delivery is in hand no more.
enum Lost {
    /// It was received again, or is gone.
    ToAnother,
    /// It cannot be hidden for longer.
    Expired,
}

/// How the tries at a delivery ended.
enum Tried {
    /// With a verdict that is none to wait after.
    Decided(Verdict),
    /// It was held for as long as may be, and its latest try failed for this reason.
    GivenUp(Cause, String),
}

impl<H: Handler> Poller<H> {
    /// Handles a delivery. A panic is its failure alone: it comes again after its visibility timeout, five times at most.
    pub(super) async fn take(&self, delivery: Delivery) {
        if AssertUnwindSafe(self.deal(&delivery))
            .catch_unwind()
            .await
            .is_err()
        {
            error!(
                attempt = delivery.attempt,
                "handling a delivery panicked; it comes again"
            );
        }
    }

    async fn deal(&self, delivery: &Delivery) {
        let handler = &self.consumer.handler;
        tokio::select! {
            tried = self.persist(delivery) => match tried {
                Tried::Decided(verdict) => self.settle(delivery, verdict).await,
                Tried::GivenUp(Cause::Own, reason) => self.retry_later(delivery, &reason).await,
                Tried::GivenUp(Cause::Away, _) => self.put_back(delivery).await,
            },
            lost = self.extend(delivery) => match lost {
                Lost::ToAnother => info!("a delivery is another's"),
                Lost::Expired => self.put_back(delivery).await,
            },
            () = self.stop.cancelled() => {
                match timeout(LAST_TRY, handler.handle(delivery)).await {
                    Ok(verdict) => self.settle(delivery, verdict).await,
                    Err(_) => self.put_back(delivery).await,
                }
            }
        }
    }

    /// Tries while a neighbour cannot, for as long as a delivery is held.
    async fn persist(&self, delivery: &Delivery) -> Tried {
        let mut waits = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(5))
            .without_max_times()
            .build();
        let mut held = None;
        loop {
            match self.consumer.handler.handle(delivery).await {
                Verdict::Later(reason) => {
                    let held = held.get_or_insert_with(|| self.evidence.hold());
                    if let Some(cause) = held.over() {
                        return Tried::GivenUp(cause, reason);
                    }
                    warn!(reason, "a delivery is held");
                    sleep(waits.next().unwrap_or_default()).await;
                }
                verdict => {
                    if verdict == Verdict::Done {
                        self.evidence.success();
                    }
                    return Tried::Decided(verdict);
                }
            }
        }
    }

    async fn settle(&self, delivery: &Delivery, verdict: Verdict) {
        match verdict {
            // Fails only if acknowledging has died: the message comes again and is found done.
            Verdict::Done => drop(self.acks.send(delivery.receipt.clone()).await),
            Verdict::Wrong(reason) => self.dead_letter(delivery, &reason).await,
            Verdict::Later(_) => self.put_back(delivery).await,
        }
    }

    /// Hides a delivery from others for as long as it is in hand.
    async fn extend(&self, delivery: &Delivery) -> Lost {
        let Consumer {
            queue,
            name,
            config,
            ..
        } = &self.consumer;
        let mut wait = config.visibility / 2;
        loop {
            sleep(wait).await;
            match queue
                .extend(name, &delivery.receipt, config.visibility)
                .await
            {
                Ok(()) => wait = config.visibility / 2,
                Err(QueueError::StaleReceipt) => return Lost::ToAnother,
                Err(error) => {
                    warn!(error = chain(&error), "a delivery cannot be extended");
                    if !error.is_transient() {
                        return Lost::Expired;
                    }
                    // While what is left of its time lasts.
                    wait = config.visibility / 10;
                }
            }
        }
    }

    /// Gives a delivery that fails for a fault of its own back to the queue, or up, when its receives are spent.
    async fn retry_later(&self, delivery: &Delivery, reason: &str) {
        if delivery.attempt >= MAX_RECEIVES {
            return self.dead_letter(delivery, reason).await;
        }
        let Consumer { queue, name, .. } = &self.consumer;
        let longer = 4_u32.saturating_pow(delivery.attempt.saturating_sub(1));
        let wait = FIRST_RETRY.saturating_mul(longer).min(LONGEST_RETRY);
        warn!(
            reason,
            attempt = delivery.attempt,
            wait_seconds = wait.as_secs(),
            "a delivery fails for a fault of its own and is tried again later"
        );
        if let Err(error) = queue.retry_after(name, &delivery.receipt, wait).await {
            warn!(
                error = chain(&error),
                "a delivery comes back after its visibility timeout"
            );
        }
    }

    /// Puts the message back as a new one, which has all its receives before it: this one's were spent by a neighbour's
    /// fault. A crash in between leaves both, which does no harm.
    async fn put_back(&self, delivery: &Delivery) {
        let Consumer { queue, name, .. } = &self.consumer;
        let copy = Outgoing {
            id: Uuid::nil(),
            body: delivery.body.clone(),
        };
        let sent: Result<Vec<()>, _> = queue.send(name, vec![copy]).await.into_iter().collect();
        match sent {
            Ok(_) => {
                info!("a delivery is put back as a new message");
                drop(self.acks.send(delivery.receipt.clone()).await);
            }
            Err(error) if error.is_transient() => warn!(
                error = chain(&error),
                "a delivery comes back only after its visibility timeout"
            ),
            Err(error) => {
                warn!(
                    error = chain(&error),
                    "a delivery cannot be put back as a new message"
                );
                let receipt = &delivery.receipt;
                if let Err(error) = queue.retry_after(name, receipt, Duration::ZERO).await {
                    warn!(
                        error = chain(&error),
                        "a delivery comes back only after its visibility timeout"
                    );
                }
            }
        }
    }

    async fn dead_letter(&self, delivery: &Delivery, reason: &str) {
        let Consumer { queue, name, .. } = &self.consumer;
        match queue.dead_letter(name, delivery, reason).await {
            Ok(()) => warn!(reason, "a message is dead-lettered"),
            // It is received again, and moves by itself after the fifth time.
            Err(error) => error!(
                reason,
                error = chain(&error),
                "a message cannot be dead-lettered"
            ),
        }
    }
}
