use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long anything may take before a test calls it a failure. Far more than it takes on a slow machine, a lease of the
/// outbox that has to end first included.
pub const PATIENCE: Duration = Duration::from_mins(2);

const PAUSE: Duration = Duration::from_millis(20);

/// Asks again and again until the probe answers something; panics with `what` after [`PATIENCE`].
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
