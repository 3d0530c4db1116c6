use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fred::{
    clients::Client,
    interfaces::{ClientLike, EventInterface},
    prelude::FredResult,
};
use parking_lot::{Mutex, MutexGuard};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};
use tokio_util::task::AbortOnDropHandle;

use super::RECONNECT_AFTER_MS;
use crate::address::Address;

/// A client of the driver, which is one connection (of a cluster, one to each node), and when it last proved that it
/// leads somewhere: by an answer, or by being made.
pub(super) struct PooledClient {
    pub(super) client: Client,
    alive: Mutex<Instant>,
    left: AtomicBool,
}

impl PooledClient {
    fn new(client: Client) -> Self {
        Self {
            client,
            alive: Mutex::new(Instant::now()),
            left: AtomicBool::new(false),
        }
    }

    /// Something has come back over it, be it a refusal, or it is connected again.
    pub(super) fn seen_alive(&self) {
        *self.alive() = Instant::now();
    }

    pub(super) fn is_silent_since(&self, since: Instant) -> bool {
        *self.alive() <= since
    }

    #[cfg(test)]
    pub(super) fn is_left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }

    fn alive(&self) -> MutexGuard<'_, Instant> {
        self.alive.lock()
    }
}

/// Where a line can be replaced by a new one.
pub(super) struct Slot {
    line: Mutex<Arc<PooledClient>>,
    leave: Notify,
}

impl Slot {
    pub(super) fn new(client: Client) -> Self {
        Self {
            line: Mutex::new(Arc::new(PooledClient::new(client))),
            leave: Notify::new(),
        }
    }

    pub(super) fn line(&self) -> Arc<PooledClient> {
        Arc::clone(&self.line.lock())
    }

    /// Has the line replaced, once.
    pub(super) fn leave_if(&self, condition: impl FnOnce(&PooledClient) -> bool) {
        let line = self.line();
        if condition(&line) && !line.left.swap(true, Ordering::AcqRel) {
            self.leave.notify_one();
        }
    }

    /// A new line, that is still to connect, in the place of the present one.
    fn replace(&self) -> Arc<PooledClient> {
        let mut line = self.line.lock();
        *line = Arc::new(PooledClient::new(line.client.clone_new()));
        Arc::clone(&line)
    }
}

/// Logs losses; replaces a line that is to be left; restarts the driver's task, which ends for good on errors that the
/// driver takes for final.
pub(super) async fn keep_connected(
    slot: Arc<Slot>,
    mut task: AbortOnDropHandle<FredResult<()>>,
    address: Address,
) {
    let mut line = slot.line();
    let mut lost = false;
    loop {
        let client = line.client.clone();
        let (mut errors, mut reconnections) = (client.error_rx(), client.reconnect_rx());
        let mut replaced = lost;
        loop {
            tokio::select! {
                () = slot.leave.notified() => {
                    if !lost {
                        tracing::warn!("a connection to redis does not answer, or leads to a replica, and is replaced");
                    }
                    lost = true;
                    line = slot.replace();
                    // With the task ends the old connection, whatever it waits for; its calls are told so.
                    task = AbortOnDropHandle::new(line.client.connect());
                    break;
                }
                _ = &mut task => {
                    sleep(Duration::from_millis(RECONNECT_AFTER_MS.1.into())).await;
                    task = AbortOnDropHandle::new(client.connect());
                }
                Ok((error, _)) = errors.recv() => {
                    if !lost {
                        tracing::warn!(error = address.cause(&error), "a connection to redis is lost");
                    }
                    lost = true;
                }
                Ok(_) = reconnections.recv() => {
                    line.seen_alive();
                    back(&mut lost);
                }
                Ok(()) = client.wait_for_connect(), if replaced => {
                    replaced = false;
                    line.seen_alive();
                    back(&mut lost);
                }
            }
        }
    }
}

fn back(lost: &mut bool) {
    if *lost {
        tracing::info!("a connection to redis is there again");
    }
    *lost = false;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_line_is_not_silent_that_was_connected_again_or_answered_after_a_call_was_sent() {
        let line = PooledClient::new(Client::default());
        let second = Duration::from_secs(1);
        advance(second).await;
        let sent = Instant::now();
        assert!(line.is_silent_since(sent));
        advance(second).await;
        line.seen_alive();
        assert!(!line.is_silent_since(sent));
        assert!(line.is_silent_since(Instant::now()));
    }
}
