use std::future::Future;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

/// Completes when the process is asked to end: by SIGTERM, SIGINT, or SIGHUP, which a closed terminal sends. Signals are received
/// from this call on. SIGUSR1, with which some tools ask for new log files, is ignored.
pub(super) fn asked_to_end() -> anyhow::Result<impl Future<Output = ()>> {
    let on = |kind| signal(kind).context("signals cannot be received");
    let mut terminate = on(SignalKind::terminate())?;
    let mut interrupt = on(SignalKind::interrupt())?;
    let mut hang_up = on(SignalKind::hangup())?;
    // A process that receives a signal is not ended by it.
    let ignored = on(SignalKind::user_defined1())?;
    Ok(async move {
        let _ignored = ignored;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hang_up.recv() => {}
        }
        info!("asked to end: finishing what is in hand");
    })
}
