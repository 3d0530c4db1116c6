use tracing::info;

use super::ending::asked_to_end;
use crate::app::{Plan, StandAlone, StartError};

/// Stands in for Twitter and the workers until it is asked to end.
pub(crate) async fn run(plan: Plan) -> Result<(), StartError> {
    let asked = asked_to_end()?;
    let StandAlone { address, running } = StandAlone::start(&plan).await?;
    info!(sandbox.address = %address, "ready to stand in");
    running.run(asked).await?;
    info!("ended");
    Ok(())
}
