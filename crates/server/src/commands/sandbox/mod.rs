//! The subcommands that only a program with the sandbox has.

mod demo;
mod stand_ins;

use super::configured;
use crate::{
    app::{StartError, TwitterPlan},
    cli::{Common, SandboxCommand},
};

/// Runs the command.
pub(super) async fn run(command: SandboxCommand, common: Common) -> Result<(), StartError> {
    match command {
        SandboxCommand::Demo => Box::pin(demo::run()).await,
        SandboxCommand::Sandbox { no_workers } => {
            let mut plan = configured(common)?;
            if no_workers && let TwitterPlan::Sandbox(sandbox) = &mut plan.twitter {
                sandbox.leave_workers_out();
            }
            stand_ins::run(plan).await
        }
    }
}
