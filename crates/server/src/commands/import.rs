use std::{fs, io::Write, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, anyhow};
use lemon_domain::usecases::{ImportMode, ImportReport, Importing};
use lemon_postgres::{EarlierDatabase, EarlierDatabaseError, SqlStore};
use lemon_system::{SystemClock, SystemIds};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    app::{ImportPlan, StartError},
    cli::ImportArgs,
    config::ConfigError,
};

/// How long a step may take: nobody waits for the answer as for that of a request.
const DEADLINE: Duration = Duration::from_secs(30);

/// How to say where the earlier system is.
const FROM: &str = "--from (LEMON_IMPORT_FROM) or --from-file (LEMON_IMPORT_FROM_FILE)";

/// Imports everybody, and prints the account of it.
pub(crate) async fn run(mut plan: ImportPlan, args: ImportArgs) -> Result<(), StartError> {
    plan.store = plan.store.with_deadline(DEADLINE);
    let from = address(args.from, args.from_file.as_deref())?;
    let mode = if args.dry_run {
        ImportMode::DryRun
    } else {
        ImportMode::Store
    };
    let source = EarlierDatabase::connect(&from).await.map_err(refused)?;
    let importing = Importing {
        source: Arc::new(source),
        target: Arc::new(target(&plan).await?),
        catalogue: plan.catalogue,
        keys: plan.sealing_keys,
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    };
    let report = importing.run(mode).await;
    let report = report.context("not everybody was imported; run the same command again")?;
    print(&report, mode).context("cannot print")?;
    Ok(())
}

/// The address, from the one place where it is given.
fn address(url: Option<SecretString>, file: Option<&Path>) -> Result<SecretString, ConfigError> {
    let address = match (url, file) {
        (Some(url), None) => url,
        (None, Some(file)) => SecretString::from(fs::read_to_string(file).map_err(|error| {
            let file = file.display();
            ConfigError::new(format!("the file {file} cannot be read: {error}"))
        })?),
        (None, None) => return Err(ConfigError::new(format!("import needs {FROM}"))),
        (Some(_), Some(_)) => {
            return Err(ConfigError::new(format!("import needs only one of {FROM}")));
        }
    };
    Ok(SecretString::from(address.expose_secret().trim()))
}

fn refused(error: EarlierDatabaseError) -> StartError {
    match error {
        EarlierDatabaseError::Address => {
            ConfigError::new(format!("what {FROM} gives is wrong: {error}")).into()
        }
        error => anyhow::Error::new(error)
            .context("the earlier system cannot be read")
            .into(),
    }
}

/// The configured store, whose tables must be there.
async fn target(plan: &ImportPlan) -> Result<SqlStore, StartError> {
    let patience = plan.patience;
    let store = patience.wait_for("store", async || plan.store.connect().await);
    let store = store.await?;
    let pending = store.pending_migrations().await;
    match pending.context("the store cannot be used")?.len() {
        0 => Ok(store),
        missing => Err(anyhow!(
            "the store has {missing} migration(s) to apply: run `lemon-toolbox migrate` first"
        )
        .into()),
    }
}

/// Prints the account: the sums, how often each remark was made, and then each remark in a line.
fn print(report: &ImportReport, mode: ImportMode) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let ImportReport {
        people,
        registrations,
        remarks,
    } = report;
    if mode == ImportMode::DryRun {
        writeln!(out, "dry run        nothing was stored")?;
    }
    writeln!(
        out,
        "people         {} read: {} imported, {} already here, {} left out",
        people.read, people.stored, people.known, people.left_out
    )?;
    writeln!(
        out,
        "registrations  {} read: {} imported, {} merged into these, {} already here, {} left out",
        registrations.read,
        registrations.stored(),
        registrations.merged,
        registrations.known,
        registrations.left_out
    )?;
    writeln!(
        out,
        "imported       {} ready, {} in training, {} failed",
        registrations.ready, registrations.training, registrations.failed
    )?;
    writeln!(out, "remarks        {}", remarks.len())?;
    for (reason, rows) in report.reasons() {
        writeln!(out, "{rows:>14} {reason}")?;
    }
    for remark in remarks {
        writeln!(out, "{remark}")?;
    }
    out.flush()
}
