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

/// A client of the driver, which is one connection (in a cluster, one to each node), and when it last proved that it
/// works: by an answer, or by being connected.
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

    /// Notes that an answer came, even a refusal, or that it is connected again.
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

/// A place in the pool, in which a client can be replaced by a new one.
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

    /// Requests the replacement of the client, once.
    pub(super) fn leave_if(&self, condition: impl FnOnce(&PooledClient) -> bool) {
        let line = self.line();
        if condition(&line) && !line.left.swap(true, Ordering::AcqRel) {
            self.leave.notify_one();
        }
    }

    /// Puts a new client, which is not connected yet, in place of the present one.
    fn replace(&self) -> Arc<PooledClient> {
        let mut line = self.line.lock();
        *line = Arc::new(PooledClient::new(line.client.clone_new()));
        Arc::clone(&line)
    }
}

/// Logs lost connections, replaces a client on request, and restarts the driver's task, which ends permanently on
/// errors that the driver considers final.
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
                        tracing::warn!("a connection to redis does not answer, or leads to a replica: it is replaced");
                    }
                    lost = true;
                    line = slot.replace();
                    // Dropping the task closes the old connection, even if it waits for something; its calls get an
                    // error.
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
        tracing::info!("a connection to redis is open again");
    }
    *lost = false;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_line_that_reconnected_or_answered_after_a_call_is_not_silent() {
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
