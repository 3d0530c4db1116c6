use tracing::info;

use crate::{
    app::{Plan, StandAlone, StartError},
    commands::ending::EndRequests,
};

/// Stands in for Twitter and the workers until it is asked to end.
pub(super) async fn run(plan: Plan) -> Result<(), StartError> {
    let mut requests = EndRequests::receive()?;
    let StandAlone { address, running } = tokio::select! {
        _ = requests.next() => {
            info!("ended before it was ready");
            return Ok(());
        }
        stand_alone = StandAlone::start(&plan) => stand_alone?,
    };
    info!(sandbox.address = %address, "the stand-ins are ready");
    running.run(requests.next()).await?;
    info!("ended");
    Ok(())
}
