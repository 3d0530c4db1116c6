//! What each subcommand does.

mod check;
mod directives;
mod ending;
mod health;
mod import;
mod keys;
mod listed_letter;
mod migrate;
mod operator;
mod people;
mod queues;
mod registrations;
#[cfg(feature = "sandbox")]
mod sandbox;
mod serve;

use std::{env, fmt::Display, io::Write};

use anyhow::Context;
use lemon_domain::values::Catalogue;
use tracing::warn;

use self::directives::DirectivesPlan;
use crate::{
    app::{
        ImportPlan, PeoplePlan, Plan, StartError, queues_alone, store_alone, store_and_keys,
        store_and_services,
    },
    cli::{Cli, Command, Common, KeysAction},
    config::{ConfigError, Overrides, Settings, load},
    logging,
};

/// Runs the command.
pub(crate) async fn run(cli: Cli) -> Result<(), StartError> {
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => Box::pin(serve::run(configured(cli.common)?)).await,
        #[cfg(feature = "sandbox")]
        Command::OfSandbox(command) => Box::pin(sandbox::run(command, cli.common)).await,
        Command::Check => check::run(configured(cli.common)?).await,
        Command::Migrate(args) => migrate::run(store_alone(logged(cli.common)?)?, args).await,
        Command::Import(args) => import::run(ImportPlan::new(logged(cli.common)?)?, args).await,
        Command::Limits { action } => directives::limits(directed(cli.common)?, action).await,
        Command::Pause(args) => directives::pause(directed(cli.common)?, args).await,
        Command::Resume { part } => directives::resume(directed(cli.common)?, &part).await,
        Command::Queues { action, json } => {
            queues::run(queues_alone(logged(cli.common)?)?, action, json).await
        }
        Command::People { action, json } => {
            people::run(PeoplePlan::new(logged(cli.common)?)?, action, json).await
        }
        Command::Keys { action, json } => match action {
            KeysAction::Generate { kind, id } => keys::generate(kind, id, json),
            KeysAction::Status => keys::status(store_and_keys(logged(cli.common)?)?, json).await,
            KeysAction::Reseal => keys::reseal(store_and_keys(logged(cli.common)?)?, json).await,
        },
        Command::Registrations { action, json } => {
            registrations::run(store_alone(logged(cli.common)?)?, action, json).await
        }
        Command::Health { live } => health::run(&settings(cli.common)?.0, live).await,
        Command::Openapi { typescript } => print(cli.common, |catalogue, operations_port| {
            if typescript {
                lemon_http::typescript(catalogue)
            } else {
                lemon_http::openapi(catalogue, operations_port)
            }
        }),
        Command::Asyncapi => print(cli.common, |catalogue, _| lemon_worker::asyncapi(catalogue)),
    }
}

/// Reads the configuration of everything, and sets up the log accordingly.
fn configured(common: Common) -> Result<Plan, StartError> {
    Plan::new(logged(common)?)
}

/// Reads the configuration of what operators direct.
fn directed(common: Common) -> Result<DirectivesPlan, ConfigError> {
    let (store, catalogue) = store_and_services(logged(common)?)?;
    Ok(DirectivesPlan { store, catalogue })
}

/// Reads the settings, and sets up the log accordingly.
fn logged(common: Common) -> Result<Settings, ConfigError> {
    let (settings, hints) = settings(common)?;
    logging::init(&settings.log)?;
    for hint in hints {
        warn!("{hint}");
    }
    Ok(settings)
}

/// Prints a line with a name and what there is to say.
fn line(name: &str, what: &dyn Display) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{name:<14} {what}").context("cannot print")
}

fn settings(common: Common) -> Result<(Settings, Vec<String>), ConfigError> {
    let overrides = Overrides {
        file: common.config,
        data_dir: common.data_dir,
    };
    load(&overrides, env::vars_os())
}

/// Prints a document of the configured services; the port is that of the operations.
fn print(
    common: Common,
    document: impl FnOnce(&Catalogue, u16) -> String,
) -> Result<(), StartError> {
    let (settings, _) = settings(common)?;
    let catalogue = settings.services.catalogue(&settings.budgets)?;
    let document = document(&catalogue, settings.ops.listen.port());
    writeln!(std::io::stdout(), "{}", document.trim_end()).context("cannot print")?;
    Ok(())
}
