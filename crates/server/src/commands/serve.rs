use tracing::info;

use super::ending::asked_to_end;
use crate::app::{App, Plan, StartError};

/// Serves until it is asked to end.
pub(crate) async fn run(plan: Plan) -> Result<(), StartError> {
    let asked = asked_to_end()?;
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
    app.run(asked).await?;
    info!("ended");
    Ok(())
}
