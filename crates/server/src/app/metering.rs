//! The metrics of the process. Each crate declares its own; `docs/metrics.md` lists all.

mod gauges;
mod process;
mod sampler;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::Context;
use lemon_domain::values::Catalogue;
use lemon_http::MetricsText;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

pub(crate) use self::{gauges::show_backlog, sampler::Sampler};

/// Upper bounds of the buckets of every `…_seconds` histogram, in seconds.
const SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
/// How often histograms are drained, as the exporter requires.
const UPKEEP: Duration = Duration::from_secs(5);

/// Installs the recorder, and begins every series. It must come before any part of the program: what a part records
/// without a recorder is lost, and so is what it says about its metrics.
pub(crate) fn begin(catalogue: &Catalogue) -> anyhow::Result<()> {
    metrics()?;
    lemon_http::register_metrics(catalogue);
    lemon_worker::register_metrics(catalogue);
    lemon_twitter::register_metrics();
    let consumed = catalogue.ready_queues();
    let all = catalogue.queues();
    lemon_consumer::register_metrics(&consumed, all.difference(&consumed));
    gauges::register(catalogue);
    process::describe();
    Ok(())
}

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

/// The text of all metrics. Those of the operating system's process are read at each call.
pub(crate) fn text(handle: PrometheusHandle) -> MetricsText {
    Arc::new(move || {
        process::collect();
        handle.render()
    })
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
