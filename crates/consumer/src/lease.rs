use std::time::Duration;

use lemon_domain::{
    ports::{JobQueue, QueueError, Receipt},
    values::QueueName,
    with_causes,
};
use tokio::time::sleep;
use tracing::warn;

/// Why the lease of a delivery cannot be extended any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeaseEnd {
    /// The message was received again, or was removed.
    Lost,
    /// The queue does not hide the message for longer.
    Exhausted,
}

/// The heartbeat of a delivery: extends its lease at half of the visibility timeout, and returns when the lease is
/// over.
pub(crate) async fn heartbeat(
    queue: &dyn JobQueue,
    name: &QueueName,
    receipt: &Receipt,
    visibility: Duration,
) -> LeaseEnd {
    let mut wait = visibility / 2;
    loop {
        sleep(wait).await;
        match queue.extend(name, receipt, visibility).await {
            Ok(()) => wait = visibility / 2,
            Err(QueueError::StaleReceipt) => return LeaseEnd::Lost,
            Err(error) => {
                warn!(error = with_causes(&error), "a lease cannot be extended");
                if !error.is_transient() {
                    return LeaseEnd::Exhausted;
                }
                // Retried for as long as the rest of the lease lasts.
                wait = visibility / 10;
            }
        }
    }
}
