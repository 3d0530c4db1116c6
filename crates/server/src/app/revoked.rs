use std::time::Duration;

use lemon_domain::{usecases::RevocationsInForce, with_causes};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How often the revocations of other replicas are read: one row or none, by a number.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Reads which tokens other replicas have revoked until the stop. Those that are known stay revoked if it fails.
pub(super) async fn follow(revocations: &RevocationsInForce, stop: CancellationToken) {
    let mut fails = false;
    loop {
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            () = stop.cancelled() => return,
        }
        match revocations.refresh().await {
            Ok(()) if fails => {
                fails = false;
                info!("the revocations of tokens can be read again");
            }
            Err(error) if !fails => {
                fails = true;
                warn!(
                    error = with_causes(&error),
                    "the revocations of tokens cannot be read: a token that another replica ends stays good here"
                );
            }
            _ => {}
        }
    }
}
