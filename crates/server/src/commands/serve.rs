use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use crate::app::{App, Plan, StartError};

/// Serves until it is asked to end.
pub(crate) async fn run(plan: Plan) -> Result<(), StartError> {
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be received")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be received")?;
    let app = App::start(plan).await?;
    let addresses = app.addresses();
    info!(
        http.address = %addresses.http,
        ops.address = %addresses.ops,
        sandbox.address = addresses.sandbox.map(|address| address.to_string()),
        "ready to serve"
    );
    if addresses.sandbox.is_some() {
        info!("open http://{}/ to try it", addresses.http);
    }
    app.run(async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        info!("asked to end: finishing what is in hand");
    })
    .await?;
    info!("ended");
    Ok(())
}
