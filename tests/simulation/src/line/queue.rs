use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use lemon_domain::{
    ports::{Delivery, Depth, JobQueue, Outgoing, QueueError, Receipt},
    values::QueueName,
};
use tokio::time::{Instant, timeout};

use super::{FailedCall, Line, Loss};
use crate::{mutation::Cut, plan::Side, workers};

/// How often a receive looks for messages that became visible.
const LOOK_EVERY: Duration = Duration::from_secs(5);

#[async_trait]
impl JobQueue for Line {
    async fn send(
        &self,
        queue: &QueueName,
        messages: Vec<Outgoing>,
    ) -> Vec<Result<(), QueueError>> {
        let (world, queue, count) = (self.world.clone(), queue.clone(), messages.len());
        let effect = async move {
            let outcomes = workers::deliver(&world, &queue, messages).await;
            Ok::<_, QueueError>(outcomes)
        };
        let sent = self.call(Side::Queue, "sends", effect.boxed()).await;
        sent.unwrap_or_else(|error| {
            let loss = if error.is_certain() {
                Loss::Certain
            } else {
                Loss::Uncertain
            };
            let outcome = || {
                if loss == Loss::Uncertain && self.world.is_without(Cut::LostSend) {
                    return Ok(());
                }
                Err(QueueError::after(loss))
            };
            (0..count).map(|_| outcome()).collect()
        })
    }

    async fn receive(
        &self,
        queue: &QueueName,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        let until = Instant::now() + wait;
        loop {
            let (world, name) = (self.world.clone(), queue.clone());
            let depth = world.queue.depth(&name).await?;
            if depth.waiting > 0 {
                let effect = async move {
                    let received = world.queue.receive(&name, max, Duration::ZERO).await?;
                    if world.is_without(Cut::AcknowledgeLast) {
                        let receipts: Vec<_> =
                            received.iter().map(|it| it.receipt.clone()).collect();
                        drop(world.queue.ack(&name, &receipts).await);
                    }
                    Ok(received)
                };
                let received = self.call(Side::Queue, "receives", effect.boxed()).await?;
                if !received.is_empty() {
                    return Ok(received);
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Vec::new());
            }
            self.life.go_on().await;
            let sent = self.world.message_sent.notified();
            drop(timeout(left.min(LOOK_EVERY), sent).await);
        }
    }

    async fn ack(&self, queue: &QueueName, receipts: &[Receipt]) -> Vec<Result<(), QueueError>> {
        let (world, queue) = (self.world.clone(), queue.clone());
        let (receipts, count) = (receipts.to_vec(), receipts.len());
        let effect = async move { Ok::<_, QueueError>(world.queue.ack(&queue, &receipts).await) };
        let acknowledged = self.call(Side::Queue, "acknowledges", effect.boxed()).await;
        acknowledged.unwrap_or_else(|_| {
            (0..count)
                .map(|_| Err(QueueError::after(Loss::Uncertain)))
                .collect()
        })
    }

    async fn retry_after(
        &self,
        queue: &QueueName,
        receipt: &Receipt,
        delay: Duration,
    ) -> Result<(), QueueError> {
        let (world, queue, receipt) = (self.world.clone(), queue.clone(), receipt.clone());
        let effect = async move { world.queue.retry_after(&queue, &receipt, delay).await };
        self.call(Side::Queue, "gives back", effect.boxed()).await
    }

    async fn extend(
        &self,
        queue: &QueueName,
        receipt: &Receipt,
        visibility: Duration,
    ) -> Result<(), QueueError> {
        let (world, queue, receipt) = (self.world.clone(), queue.clone(), receipt.clone());
        let effect = async move { world.queue.extend(&queue, &receipt, visibility).await };
        self.call(Side::Queue, "extends", effect.boxed()).await
    }

    async fn dead_letter(
        &self,
        queue: &QueueName,
        delivery: &Delivery,
        reason: &str,
    ) -> Result<(), QueueError> {
        let (world, queue) = (self.world.clone(), queue.clone());
        let (delivery, reason) = (delivery.clone(), reason.to_owned());
        let effect = async move { world.queue.dead_letter(&queue, &delivery, &reason).await };
        self.call(Side::Queue, "dead-letters", effect.boxed()).await
    }

    async fn depth(&self, queue: &QueueName) -> Result<Depth, QueueError> {
        self.world.queue.depth(queue).await
    }
}
