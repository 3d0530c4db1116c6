use std::{
    mem,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, ensure};
use lemon_domain::traces::EndedSpan;
use prost::Message;
use reqwest::{Client, header::CONTENT_TYPE, redirect::Policy};
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use url::Url;
use uuid::Uuid;

use super::{otlp::Source, plan::TracesPlan};

/// Spans that wait to be exported. Further ones are dropped.
const QUEUE: usize = 4_096;
/// The most spans in a request.
const BATCH: usize = 512;
/// How long the first span of a batch waits for others.
const COLLECT: Duration = Duration::from_secs(1);
/// The deadline of a request.
const WITHIN: Duration = Duration::from_secs(5);
/// The time after the stop in which the last spans must be exported.
const FLUSH_WITHIN: Duration = Duration::from_secs(2);

/// Takes spans that have ended.
pub(super) struct SpanQueue {
    spans: Sender<EndedSpan>,
    overflowed: Arc<AtomicU64>,
}

impl SpanQueue {
    /// Puts a span, or drops it if too many wait: it never waits itself.
    pub(super) fn put(&self, span: EndedSpan) {
        if self.spans.try_send(span).is_err() {
            self.overflowed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Sends spans to a collector. While it is away they are dropped: traces are no reason to keep anything waiting.
pub(super) struct Exporter {
    spans: Receiver<EndedSpan>,
    overflowed: Arc<AtomicU64>,
    batch: Vec<EndedSpan>,
    client: Client,
    url: Url,
    source: Source,
    /// How many spans were dropped since all were exported.
    dropped: u64,
}

/// The two ends of the way to the collector.
pub(super) fn exporter(plan: &TracesPlan, instance: Uuid) -> anyhow::Result<(SpanQueue, Exporter)> {
    let (sender, spans) = channel(QUEUE);
    let overflowed = Arc::<AtomicU64>::default();
    let client = Client::builder()
        .timeout(WITHIN)
        .redirect(Policy::none())
        .no_proxy()
        .build()
        .context("spans cannot be exported")?;
    let queue = SpanQueue {
        spans: sender,
        overflowed: Arc::clone(&overflowed),
    };
    let exporter = Exporter {
        spans,
        overflowed,
        batch: Vec::new(),
        client,
        url: plan.url.clone(),
        source: Source::new(&plan.service_name, instance),
        dropped: 0,
    };
    Ok((queue, exporter))
}

impl Exporter {
    /// Exports until the stop, and then what is left, for a short time.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let over = async {
            stop.cancelled().await;
            sleep(FLUSH_WITHIN).await;
        };
        tokio::select! {
            biased;
            () = self.export_all(&stop) => {}
            () = over => warn!("the last spans are not exported: the collector takes too long"),
        }
    }

    async fn export_all(&mut self, stop: &CancellationToken) {
        loop {
            let is_stopped = tokio::select! {
                biased;
                () = stop.cancelled() => true,
                () = self.collect() => false,
            };
            if is_stopped {
                break;
            }
            if self.batch.is_empty() {
                // Nobody begins spans any more.
                return stop.cancelled().await;
            }
            self.export().await;
        }
        self.spans.close();
        loop {
            self.spans.recv_many(&mut self.batch, BATCH).await;
            if self.batch.is_empty() {
                return;
            }
            self.export().await;
        }
    }

    /// Collects a batch. What it has collected stays if it is dropped.
    async fn collect(&mut self) {
        if self.batch.is_empty() && self.spans.recv_many(&mut self.batch, BATCH).await == 0 {
            return;
        }
        let mut enough = pin!(sleep(COLLECT));
        while self.batch.len() < BATCH {
            let room = BATCH - self.batch.len();
            tokio::select! {
                () = &mut enough => return,
                received = self.spans.recv_many(&mut self.batch, room) => {
                    if received == 0 {
                        return;
                    }
                }
            }
        }
    }

    async fn export(&mut self) {
        let batch = mem::take(&mut self.batch);
        let spans = batch.len() as u64;
        let outcome = self.send(batch).await;
        let overflowed = self.overflowed.swap(0, Ordering::Relaxed);
        let failed = if outcome.is_err() { spans } else { 0 };
        let before = self.dropped;
        self.dropped += overflowed + failed;
        match outcome {
            _ if before > 0 && failed + overflowed > 0 => {}
            Err(error) => warn!(
                error = format!("{error:#}"),
                "spans cannot be exported, and are dropped until they can"
            ),
            Ok(()) if overflowed > 0 => {
                warn!("more spans end than can be exported: some are dropped");
            }
            Ok(()) if before > 0 => {
                info!(dropped = before, "all spans are exported again");
                self.dropped = 0;
            }
            Ok(()) => {}
        }
    }

    async fn send(&self, spans: Vec<EndedSpan>) -> anyhow::Result<()> {
        let body = self.source.request(spans).encode_to_vec();
        let sent = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(body)
            .send()
            .await
            // It may contain a password.
            .map_err(reqwest::Error::without_url)?;
        let status = sent.status();
        ensure!(status.is_success(), "the collector answered {status}");
        Ok(())
    }
}
