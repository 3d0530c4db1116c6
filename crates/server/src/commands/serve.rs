use std::pin::pin;

use tracing::info;

use super::ending::asked_to_end;
use crate::app::{App, Plan, StartError};

/// Serves until it is asked to end.
pub(crate) async fn run(plan: Plan) -> Result<(), StartError> {
    let mut asked = pin!(asked_to_end()?);
    let app = tokio::select! {
        () = &mut asked => {
            info!("ended before it was ready");
            return Ok(());
        }
        app = App::start(plan) => app?,
    };
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
    app.run(asked).await?;
    info!("ended");
    Ok(())
}
