//! What each subcommand does.

mod check;
mod ending;
mod queues;
#[cfg(feature = "sandbox")]
mod sandbox;
mod serve;

use std::{env, io::Write};

use anyhow::Context;
use tracing::warn;

use crate::{
    app::{Plan, StartError, connections},
    cli::{Cli, Command, Common, MigrationDirection},
    config::{ConfigError, Overrides, Settings, load},
    logging,
};

/// Runs the command.
pub(crate) async fn run(cli: Cli) -> Result<(), StartError> {
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(configured(cli.common)?).await,
        #[cfg(feature = "sandbox")]
        Command::OfSandbox(command) => sandbox::run(command, cli.common).await,
        Command::Check => check::run(configured(cli.common)?).await,
        Command::Migrate { direction, steps } => {
            migrate(configured(cli.common)?, direction, steps).await
        }
        Command::Queues { action } => queues::run(configured(cli.common)?, action).await,
        Command::Openapi => {
            let (settings, _) = settings(cli.common)?;
            let catalogue = settings.services.catalogue(&settings.budgets)?;
            let document = lemon_http::openapi(&catalogue);
            writeln!(std::io::stdout(), "{document}").context("cannot print")?;
            Ok(())
        }
    }
}

/// Reads the configuration, and sets up the log accordingly.
fn configured(common: Common) -> Result<Plan, StartError> {
    let (settings, hints) = settings(common)?;
    logging::init(&settings.log)?;
    for hint in hints {
        warn!("{hint}");
    }
    Plan::new(settings)
}

fn settings(common: Common) -> Result<(Settings, Vec<String>), ConfigError> {
    let overrides = Overrides {
        file: common.config,
        data_dir: common.data_dir,
    };
    load(&overrides, env::vars_os())
}

async fn migrate(plan: Plan, direction: MigrationDirection, steps: u32) -> Result<(), StartError> {
    let store = connections::store(&plan.store, &plan.data_dir).await?;
    match direction {
        MigrationDirection::Up => store.migrate().await,
        MigrationDirection::Down => store.roll_back(steps).await,
    }
    .context("the database cannot be migrated")?;
    Ok(())
}
