use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The time after which a test fails if something has not happened. It is much longer than needed on a slow machine,
/// even if a lease of the outbox has to end first.
pub const PATIENCE: Duration = Duration::from_mins(5);

const PAUSE: Duration = Duration::from_millis(20);

/// Calls the probe repeatedly until it answers something; panics with `what` after [`PATIENCE`].
pub async fn wait_until<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(
            Instant::now() < deadline,
            "waited {PATIENCE:?} in vain until {what}"
        );
        sleep(PAUSE).await;
    }
}
