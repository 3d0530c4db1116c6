use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use aws_config::BehaviorVersion;
use aws_sdk_sqs::{
    Client,
    config::{Credentials, Region},
    types::{DeleteMessageBatchRequestEntry, SendMessageBatchRequestEntry},
};
use aws_smithy_http_client::Builder;
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use lemon_domain::{
    ports::{JobQueue, MAX_BATCH, Outgoing},
    values::QueueName,
};
use lemon_sqs::{SqsConfig, SqsJobQueue, SqsQueueSettings, SqsQueues};
use lemon_test_servers::SqsServer;
use uuid::Uuid;

use crate::{ROUNDS, figures::Figures, median};

/// Messages of each side in a round.
const ROUND: usize = 1_000;
/// Batches under way, and pollers.
const AT_A_TIME: usize = SqsConfig::DEFAULT_CONCURRENCY.get();
/// As long as a job of the workers.
const BODY_BYTES: usize = 250;

/// How many messages a second are sent, and received and acknowledged, beside a bare loop over the same client.
pub(crate) async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    let server = SqsServer::get().await;
    let client = client(server.endpoint().as_str());
    let ours = Ours::new(&client, &server).await?;
    let bare = Bare::new(&client, &server).await?;
    let mut rates = [const { Vec::new() }; 4];
    for round in 0..ROUNDS {
        // Who comes second finds the server still busy with what the first has sent.
        if round % 2 == 0 {
            rates[0].push(timed(ours.send()).await?);
            rates[1].push(timed(bare.send()).await?);
            rates[2].push(timed(ours.receive()).await?);
            rates[3].push(timed(bare.receive()).await?);
        } else {
            rates[1].push(timed(bare.send()).await?);
            rates[0].push(timed(ours.send()).await?);
            rates[3].push(timed(bare.receive()).await?);
            rates[2].push(timed(ours.receive()).await?);
        }
    }
    let [sent, sent_bare, received, received_bare] = rates.map(median);
    figures.rate("messages sent to SQS, beside the SDK", sent, sent_bare, 0.9);
    figures.rate(
        "received and acknowledged, beside the SDK",
        received,
        received_bare,
        0.9,
    );
    Ok(())
}

/// How many messages a second a round of them is.
async fn timed(round: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<f64> {
    let start = Instant::now();
    round.await?;
    Ok(f64::from(u32::try_from(ROUND)?) / start.elapsed().as_secs_f64())
}

fn client(endpoint: &str) -> Client {
    let (key, secret) = (SqsServer::ACCESS_KEY, SqsServer::SECRET_KEY);
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(Builder::new().build_http())
        .endpoint_url(endpoint)
        .region(Region::from_static(SqsServer::REGION))
        .credentials_provider(Credentials::new(key, secret, None, None, "bench"));
    Client::from_conf(config.build())
}

async fn fresh_queue(client: &Client, server: &SqsServer) -> anyhow::Result<QueueName> {
    let queue = QueueName::parse(&format!("{}bench", server.queue_prefix()))?;
    let queues = SqsQueues::new(client, SqsConfig::default());
    queues.create(&queue, &SqsQueueSettings::default()).await?;
    Ok(queue)
}

struct Ours {
    queue: Arc<SqsJobQueue>,
    name: QueueName,
}

impl Ours {
    async fn new(client: &Client, server: &SqsServer) -> anyhow::Result<Self> {
        Ok(Self {
            name: fresh_queue(client, server).await?,
            queue: Arc::new(SqsJobQueue::new(client, SqsConfig::default())),
        })
    }

    async fn send(&self) -> anyhow::Result<()> {
        let messages = (0..ROUND as u128).map(|n| Outgoing {
            id: Uuid::from_u128(n),
            body: "x".repeat(BODY_BYTES),
            trace: None,
        });
        let outcomes = self.queue.send(&self.name, messages.collect()).await;
        Ok(outcomes.into_iter().collect::<Result<_, _>>()?)
    }

    async fn receive(&self) -> anyhow::Result<()> {
        let left = Left::new();
        let pollers = (0..AT_A_TIME).map(|_| async {
            while left.any() {
                let wait = Duration::from_secs(1);
                let deliveries = self.queue.receive(&self.name, MAX_BATCH, wait).await?;
                left.less(deliveries.len());
                let receipts: Vec<_> = deliveries.into_iter().map(|it| it.receipt).collect();
                for outcome in self.queue.ack(&self.name, &receipts).await {
                    outcome?;
                }
            }
            anyhow::Ok(())
        });
        try_join_all(pollers).await.map(drop)
    }
}

/// What anybody would write first.
struct Bare {
    client: Client,
    address: String,
}

impl Bare {
    async fn new(client: &Client, server: &SqsServer) -> anyhow::Result<Self> {
        let queue = fresh_queue(client, server).await?;
        let found = client
            .get_queue_url()
            .queue_name(queue.as_str())
            .send()
            .await?;
        Ok(Self {
            client: client.clone(),
            address: found
                .queue_url()
                .context("a queue has an address")?
                .to_owned(),
        })
    }

    async fn send(&self) -> anyhow::Result<()> {
        stream::iter(0..ROUND / MAX_BATCH)
            .map(|_| async {
                let entries = (0..MAX_BATCH).map(|n| {
                    SendMessageBatchRequestEntry::builder()
                        .id(n.to_string())
                        .message_body("x".repeat(BODY_BYTES))
                        .build()
                });
                let entries = entries.collect::<Result<_, _>>()?;
                let batch = self.client.send_message_batch().queue_url(&self.address);
                let sent = batch.set_entries(Some(entries)).send().await?;
                ensure!(sent.failed.is_empty(), "{:?}", sent.failed);
                Ok(())
            })
            .buffer_unordered(AT_A_TIME)
            .try_collect()
            .await
    }

    async fn receive(&self) -> anyhow::Result<()> {
        let left = Left::new();
        let pollers = (0..AT_A_TIME).map(|_| async {
            while left.any() {
                let receive = self.client.receive_message().queue_url(&self.address);
                let receive = receive.max_number_of_messages(10).wait_time_seconds(1);
                let messages = receive.send().await?.messages.unwrap_or_default();
                if messages.is_empty() {
                    continue;
                }
                left.less(messages.len());
                let entries = messages.into_iter().enumerate().map(|(n, message)| {
                    DeleteMessageBatchRequestEntry::builder()
                        .id(n.to_string())
                        .set_receipt_handle(message.receipt_handle)
                        .build()
                });
                let entries = entries.collect::<Result<_, _>>()?;
                let batch = self.client.delete_message_batch().queue_url(&self.address);
                let deleted = batch.set_entries(Some(entries)).send().await?;
                ensure!(deleted.failed.is_empty(), "{:?}", deleted.failed);
            }
            anyhow::Ok(())
        });
        try_join_all(pollers).await.map(drop)
    }
}

/// How many of a round are still to come.
struct Left(AtomicUsize);

impl Left {
    fn new() -> Self {
        Self(AtomicUsize::new(ROUND))
    }

    fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    fn less(&self, received: usize) {
        self.0.fetch_sub(received, Ordering::Relaxed);
    }
}
