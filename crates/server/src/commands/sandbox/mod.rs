//! The subcommands that only a program with the sandbox has.

mod demo;
mod stand_ins;

use super::configured;
use crate::{
    app::StartError,
    cli::{Common, SandboxCommand},
};

/// Runs the command.
pub(super) async fn run(command: SandboxCommand, common: Common) -> Result<(), StartError> {
    match command {
        SandboxCommand::Demo => demo::run().await,
        SandboxCommand::Sandbox => stand_ins::run(configured(common)?).await,
    }
}
