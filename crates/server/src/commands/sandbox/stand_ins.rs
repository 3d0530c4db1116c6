use std::pin::pin;

use tracing::info;

use crate::{
    app::{Plan, StandAlone, StartError},
    commands::ending::asked_to_end,
};

/// Stands in for Twitter and the workers until it is asked to end.
pub(super) async fn run(plan: Plan) -> Result<(), StartError> {
    let mut asked = pin!(asked_to_end()?);
    let StandAlone { address, running } = tokio::select! {
        () = &mut asked => {
            info!("ended before it was ready");
            return Ok(());
        }
        stand_alone = StandAlone::start(&plan) => stand_alone?,
    };
    info!(sandbox.address = %address, "ready to stand in");
    running.run(asked).await?;
    info!("ended");
    Ok(())
}
