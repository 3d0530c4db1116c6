use std::time::Duration;

use lemon_domain::{
    ports::{REPLICA_SILENCE, Replica, ReplicaRegistry},
    with_causes,
};
use tokio::time::{Instant, interval_at, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// The time between two signs of life: several may be lost before the replica counts as gone.
const EVERY: Duration = Duration::from_secs(REPLICA_SILENCE.as_secs() / 4);

/// How long the last call may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// Gives a sign of life. A store that does not take it is not ready, which readiness tells.
pub(super) async fn give(registry: &dyn ReplicaRegistry, replica: &Replica) {
    if let Err(error) = registry.beat(replica).await {
        warn!(
            error = with_causes(&error),
            "the store did not take a sign of life"
        );
    }
}

/// Gives further signs of life until `stop`, and then leaves.
pub(super) async fn show(
    registry: &dyn ReplicaRegistry,
    replica: &Replica,
    stop: CancellationToken,
) {
    let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => break,
        }
        give(registry, replica).await;
    }
    // A store that is away forgets the replica by itself.
    let _left = timeout(FAREWELL, registry.leave(replica.id)).await;
}
