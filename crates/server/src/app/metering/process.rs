//! The metrics of the process as the operating system sees it, by the names that every Prometheus client has:
//! <https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>. Only Linux tells them.

#[cfg(target_os = "linux")]
use metrics_process::Collector;

/// Describes the metrics to the recorder.
pub(super) fn describe() {
    #[cfg(target_os = "linux")]
    Collector::default().describe();
}

/// Reads the metrics.
pub(super) fn collect() {
    #[cfg(target_os = "linux")]
    Collector::default().collect();
}
