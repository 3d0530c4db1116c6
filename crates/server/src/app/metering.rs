use std::{sync::OnceLock, time::Duration};

use anyhow::Context;
use lemon_domain::ports::Backlog;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

/// Upper bounds of the buckets of every `…_seconds` histogram, in seconds.
const SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
/// How often histograms are drained, as the exporter requires.
const UPKEEP: Duration = Duration::from_secs(5);

/// The metrics of the process: the first call installs the recorder.
pub(crate) fn metrics() -> anyhow::Result<PrometheusHandle> {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .context("metrics cannot be recorded")?;
    Ok(HANDLE.get_or_init(|| handle).clone())
}

/// Publishes the size of the outbox. Rows that are set aside wait for the operator.
pub(crate) fn show(backlog: Backlog) {
    for (name, rows) in [
        ("outbox_rows", backlog.rows),
        ("outbox_rows_set_aside", backlog.set_aside),
    ] {
        metrics::gauge!(name).set(u32::try_from(rows).unwrap_or(u32::MAX));
    }
    metrics::gauge!("outbox_oldest_seconds").set(backlog.oldest.as_secs_f64());
}

/// Drains histograms until `stop`, so that they do not grow if nobody reads the metrics.
pub(crate) async fn keep_small(handle: PrometheusHandle, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        tokio::select! {
            _ = ticks.tick() => handle.run_upkeep(),
            () = stop.cancelled() => return,
        }
    }
}
