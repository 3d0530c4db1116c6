use std::sync::Arc;

use tokio::sync::watch;

/// Pauses and resumes a consumer, from anywhere.
#[derive(Debug, Clone, Default)]
pub struct Control(Arc<watch::Sender<bool>>);

impl Control {
    /// Stops receiving, except for the receives under way. Deliveries in flight are handled.
    pub fn pause(&self) {
        self.0.send_replace(true);
    }

    /// Receives messages again.
    pub fn resume(&self) {
        self.0.send_replace(false);
    }

    /// Whether it is paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits while it is paused.
    pub(crate) async fn resumed(&self) {
        // `self` holds the sender, so this cannot fail.
        drop(self.0.subscribe().wait_for(|paused| !paused).await);
    }
}
