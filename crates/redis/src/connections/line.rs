use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fred::{
    clients::Client,
    interfaces::{ClientLike, EventInterface},
    prelude::FredResult,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};
use tokio_util::task::AbortOnDropHandle;

use super::RECONNECT_AFTER_MS;
use crate::address::Address;

/// A client of the driver, which is one connection (of a cluster, one to each node), and when it last brought an answer.
pub(super) struct Line {
    pub(super) client: Client,
    answered: Mutex<Instant>,
    left: AtomicBool,
}

impl Line {
    fn new(client: Client) -> Self {
        Self {
            client,
            answered: Mutex::new(Instant::now()),
            left: AtomicBool::new(false),
        }
    }

    /// Something has come back over it, be it a refusal.
    pub(super) fn has_answered(&self) {
        *self.answered() = Instant::now();
    }

    pub(super) fn is_silent_since(&self, since: Instant) -> bool {
        *self.answered() <= since
    }

    fn answered(&self) -> MutexGuard<'_, Instant> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a line can be replaced by a new one.
pub(super) struct Slot {
    line: Mutex<Arc<Line>>,
    leave: Notify,
}

impl Slot {
    pub(super) fn new(client: Client) -> Self {
        Self {
            line: Mutex::new(Arc::new(Line::new(client))),
            leave: Notify::new(),
        }
    }

    pub(super) fn line(&self) -> Arc<Line> {
        Arc::clone(&self.line.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has the line replaced, once.
    pub(super) fn leave_if(&self, condition: impl FnOnce(&Line) -> bool) {
        let line = self.line();
        if condition(&line) && !line.left.swap(true, Ordering::AcqRel) {
            self.leave.notify_one();
        }
    }

    /// A new line, that is still to connect, in the place of the present one.
    fn replace(&self) -> Client {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let client = line.client.clone_new();
        *line = Arc::new(Line::new(client.clone()));
        client
    }
}

/// Logs losses; replaces a line that is to be left; restarts the driver's task, which ends for good on errors that the
/// driver takes for final.
pub(super) async fn keep_connected(
    slot: Arc<Slot>,
    mut task: AbortOnDropHandle<FredResult<()>>,
    address: Address,
) {
    let mut client = slot.line().client.clone();
    let mut lost = false;
    loop {
        let (mut errors, mut reconnections) = (client.error_rx(), client.reconnect_rx());
        let mut replaced = lost;
        loop {
            tokio::select! {
                () = slot.leave.notified() => {
                    if !lost {
                        tracing::warn!("a connection to redis does not answer, or leads to a replica, and is replaced");
                    }
                    lost = true;
                    client = slot.replace();
                    // With the task ends the old connection, whatever it waits for; its calls are told so.
                    task = AbortOnDropHandle::new(client.connect());
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
                Ok(_) = reconnections.recv() => back(&mut lost),
                Ok(()) = client.wait_for_connect(), if replaced => {
                    replaced = false;
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
