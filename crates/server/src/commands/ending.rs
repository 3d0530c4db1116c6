use std::{fs, future::pending};

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;

/// What a process is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndRequest {
    /// To end soon, by a supervisor: SIGTERM.
    Terminate,
    /// To end now, by a person: SIGINT, or SIGHUP, which a closed terminal sends.
    Interrupt,
}

/// The signals by which the process is asked to end. SIGUSR1, with which some tools ask for new log files, is ignored.
pub(super) struct EndRequests {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Option<Signal>,
    /// A process that receives a signal is not ended by it.
    _ignored: Signal,
}

impl EndRequests {
    /// Signals are received from this call on.
    pub(super) fn receive() -> anyhow::Result<Self> {
        let on = |kind| signal(kind).context("signals cannot be received");
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            // Under `nohup` it is ignored, and stays so.
            hang_up: if is_ignored(SignalKind::hangup()) {
                None
            } else {
                Some(on(SignalKind::hangup())?)
            },
            _ignored: on(SignalKind::user_defined1())?,
        })
    }

    /// Completes when the process is asked to end.
    pub(super) async fn next(&mut self) -> EndRequest {
        let request = tokio::select! {
            _ = self.terminate.recv() => EndRequest::Terminate,
            _ = self.interrupt.recv() => EndRequest::Interrupt,
            () = received(self.hang_up.as_mut()) => EndRequest::Interrupt,
        };
        info!("asked to end: finishing the work in flight");
        request
    }
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
