use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures::future::try_join_all;
use lemon_consumer::{Consumer, ConsumerConfig, Handler, Malformed, Outcome};
use lemon_domain::{
    ports::{Delivery, Depth, JobQueue, Outgoing, QueueError, Receipt},
    values::QueueName,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{ROUNDS, figures::Figures, median};

/// How long each side of a round takes.
const ROUND: Duration = Duration::from_secs(1);
/// Receive calls at a time, on both sides.
const POLLERS: usize = 16;
/// How long a queue takes to answer a call: SQS in the same region, and in another.
const LATENCIES: [(Duration, &str); 2] = [
    (
        Duration::from_millis(10),
        "messages consumed, 10 ms a call, beside a bare loop",
    ),
    (
        Duration::from_millis(50),
        "messages consumed, 50 ms a call, beside a bare loop",
    ),
];

/// How many messages a second the engine receives, handles and acknowledges, beside a loop over the same port that keeps
/// nobody's lease, retries nothing and acknowledges a batch while it receives the next.
pub(crate) async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    for (latency, name) in LATENCIES {
        let (mut measured, mut best) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            measured.push(engine(latency).await?);
            best.push(bare_loop(latency).await?);
        }
        figures.rate(name, median(measured), median(best), 0.9);
    }
    Ok(())
}

async fn engine(latency: Duration) -> anyhow::Result<f64> {
    let queue = Arc::new(Endless::answering_after(latency));
    let config = ConsumerConfig::default()
        .with_pollers(POLLERS)
        .with_concurrency(POLLERS * 2 * lemon_domain::ports::MAX_BATCH);
    let consumer = Consumer::new(queue.clone(), name()?, Nothing).with_config(config);
    let stop = CancellationToken::new();
    let start = Instant::now();
    let running = tokio::spawn(consumer.run(stop.clone()));
    sleep(ROUND).await;
    let rate = queue.rate(start);
    stop.cancel();
    running.await??;
    Ok(rate)
}

async fn bare_loop(latency: Duration) -> anyhow::Result<f64> {
    let (queue, name) = (Arc::new(Endless::answering_after(latency)), name()?);
    let start = Instant::now();
    let pollers = (0..POLLERS).map(|_| async {
        let mut acks = Vec::new();
        while start.elapsed() < ROUND {
            let received = queue.receive(&name, 10, Duration::ZERO).await?;
            let receipts: Vec<_> = received.into_iter().map(|it| it.receipt).collect();
            let (queue, name) = (Arc::clone(&queue), name.clone());
            acks.push(tokio::spawn(
                async move { queue.ack(&name, &receipts).await },
            ));
        }
        for ack in acks {
            for outcome in ack.await? {
                outcome?;
            }
        }
        anyhow::Ok(())
    });
    try_join_all(pollers).await?;
    Ok(queue.rate(start))
}

fn name() -> anyhow::Result<QueueName> {
    Ok(QueueName::parse("endless")?)
}

/// A queue that always has ten messages more.
struct Endless {
    latency: Duration,
    acknowledged: AtomicU32,
}

impl Endless {
    fn answering_after(latency: Duration) -> Self {
        Self {
            latency,
            acknowledged: AtomicU32::new(0),
        }
    }

    fn rate(&self, since: Instant) -> f64 {
        f64::from(self.acknowledged.load(Ordering::Relaxed)) / since.elapsed().as_secs_f64()
    }
}

#[async_trait]
impl JobQueue for Endless {
    async fn send(&self, _: &QueueName, messages: Vec<Outgoing>) -> Vec<Result<(), QueueError>> {
        sleep(self.latency).await;
        messages.iter().map(|_| Ok(())).collect()
    }

    async fn receive(
        &self,
        _: &QueueName,
        max: usize,
        _: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        sleep(self.latency).await;
        let delivery = |n: usize| Delivery {
            message_id: n.to_string(),
            receipt: Receipt(n.to_string()),
            body: "x".repeat(250),
            attempt: 1,
            trace: None,
        };
        Ok((0..max).map(delivery).collect())
    }

    async fn ack(&self, _: &QueueName, receipts: &[Receipt]) -> Vec<Result<(), QueueError>> {
        sleep(self.latency).await;
        let acknowledged = receipts.iter().map(|_| Ok(()));
        self.acknowledged.fetch_add(
            receipts.len().try_into().unwrap_or_default(),
            Ordering::Relaxed,
        );
        acknowledged.collect()
    }

    async fn retry_after(&self, _: &QueueName, _: &Receipt, _: Duration) -> Result<(), QueueError> {
        sleep(self.latency).await;
        Ok(())
    }

    async fn extend(&self, _: &QueueName, _: &Receipt, _: Duration) -> Result<(), QueueError> {
        sleep(self.latency).await;
        Ok(())
    }

    async fn dead_letter(&self, _: &QueueName, _: &Delivery, _: &str) -> Result<(), QueueError> {
        sleep(self.latency).await;
        Ok(())
    }

    async fn depth(&self, _: &QueueName) -> Result<Depth, QueueError> {
        sleep(self.latency).await;
        Ok(Depth::default())
    }
}

/// Has nothing to do.
struct Nothing;

#[async_trait]
impl Handler for Nothing {
    type Message = ();

    fn decode(&self, _: &str) -> Result<(), Malformed> {
        Ok(())
    }

    async fn handle(&self, (): &()) -> Outcome {
        Outcome::Done
    }
}
