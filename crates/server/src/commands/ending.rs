use std::{
    fs,
    future::{Future, pending},
};

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;

/// Completes when the process is asked to end: by SIGTERM, SIGINT, or SIGHUP, which a closed terminal sends. Signals are received
/// from this call on. SIGUSR1, with which some tools ask for new log files, is ignored.
pub(super) fn asked_to_end() -> anyhow::Result<impl Future<Output = ()>> {
    let on = |kind| signal(kind).context("signals cannot be received");
    let mut terminate = on(SignalKind::terminate())?;
    let mut interrupt = on(SignalKind::interrupt())?;
    // Under `nohup` it is ignored, and stays so.
    let mut hang_up = if is_ignored(SignalKind::hangup()) {
        None
    } else {
        Some(on(SignalKind::hangup())?)
    };
    // A process that receives a signal is not ended by it.
    let ignored = on(SignalKind::user_defined1())?;
    Ok(async move {
        let _ignored = ignored;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = received(hang_up.as_mut()) => {}
        }
        info!("asked to end: finishing what is in hand");
    })
}

async fn received(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => pending().await,
    }
}

/// Whether the process was started with the signal ignored, as Linux tells it.
fn is_ignored(kind: SignalKind) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (kind.as_raw_value() - 1) & 1 == 1)
}
