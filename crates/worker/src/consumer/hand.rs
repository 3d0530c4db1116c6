//! One delivery in hand.

use std::{panic::AssertUnwindSafe, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use futures::FutureExt;
use lemon_domain::ports::{Delivery, Outgoing, QueueError};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tracing::{error, info, warn};
use uuid::Uuid;

use super::{Consumer, Handler, Verdict, poller::Poller};
use crate::chain::chain;

/// The longest that the last try takes which a delivery gets at the stop.
const LAST_TRY: Duration = Duration::from_secs(5);

/// Why a delivery is in hand no more.
enum Lost {
    /// It was received again, or is gone.
    ToAnother,
    /// It cannot be hidden for longer.
    Expired,
}

/// Counts a delivery as held.
struct Held<'a>(&'a watch::Sender<usize>);

impl<'a> Held<'a> {
    fn count(held: &'a watch::Sender<usize>) -> Self {
        held.send_modify(|held| *held += 1);
        Self(held)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|held| *held -= 1);
    }
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
            verdict = self.persist(delivery) => self.settle(delivery, verdict).await,
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

    /// Tries for as long as a neighbour cannot.
    async fn persist(&self, delivery: &Delivery) -> Verdict {
        let mut waits = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(5))
            .without_max_times()
            .build();
        let mut held = None;
        loop {
            match self.consumer.handler.handle(delivery).await {
                Verdict::Later(reason) => {
                    warn!(reason, "a delivery is held");
                    held.get_or_insert_with(|| Held::count(&self.held));
                    sleep(waits.next().unwrap_or_default()).await;
                }
                verdict => return verdict,
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
