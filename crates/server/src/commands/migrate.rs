use std::fmt::Display;

use anyhow::Context;
use lemon_domain::ports::{ReplicaRegistry, ReplicaSighting};
use lemon_postgres::SqlStore;
use serde::Serialize;
use tracing::info;

use super::{line, operator::print_json};
use crate::{
    app::{Patience, StartError, StorePlan},
    cli::{MigrateArgs, MigrationDirection},
    config::ConfigError,
};

const NOT_MIGRATED: &str = "the database cannot be migrated";

/// Migrates the database, or shows how far it is.
pub(crate) async fn run(
    (plan, patience): (StorePlan, Patience),
    args: MigrateArgs,
) -> Result<(), StartError> {
    let store = patience.wait_for("store", async || plan.connect().await);
    let store = store.await?;
    match args.direction {
        MigrationDirection::Status => status(&store, args.json).await,
        MigrationDirection::Up => {
            let missing = store.pending_migrations().await.context(NOT_MIGRATED)?;
            store.check_rights().await.context(NOT_MIGRATED)?;
            store.migrate().await.context(NOT_MIGRATED)?;
            info!(migrations = missing.len(), "the database is up to date");
            Ok(())
        }
        MigrationDirection::Down => down(&store, &args).await,
    }
}

/// How far a database is.
#[derive(Serialize)]
struct MigrationStatus {
    applied: Vec<String>,
    missing: Vec<String>,
    /// Applied by a newer program.
    newer: Vec<String>,
    replicas: Vec<ServingReplica>,
}

#[derive(Serialize)]
struct ServingReplica {
    id: String,
    version: String,
    seen_s_ago: u64,
}

impl From<ReplicaSighting> for ServingReplica {
    fn from(seen: ReplicaSighting) -> Self {
        Self {
            id: seen.replica.id.to_string(),
            version: seen.replica.version,
            seen_s_ago: seen.ago.as_secs(),
        }
    }
}

async fn status(store: &SqlStore, json: bool) -> Result<(), StartError> {
    let applied = store.applied_migrations().await.context(NOT_MIGRATED)?;
    let missing = store.pending_migrations().await.context(NOT_MIGRATED)?;
    let known = SqlStore::known_migrations();
    let (applied, newer): (Vec<_>, _) = applied.into_iter().partition(|name| known.contains(name));
    let status = MigrationStatus {
        replicas: serving(store, &applied).await?,
        applied,
        missing,
        newer,
    };
    if json {
        return Ok(print_json(&status)?);
    }
    for (name, steps) in [
        ("applied", &status.applied),
        ("missing", &status.missing),
        ("newer", &status.newer),
    ] {
        for step in steps {
            line(name, step)?;
        }
    }
    for replica in &status.replicas {
        line("serves", &described(replica))?;
    }
    Ok(())
}

fn described(replica: &ServingReplica) -> impl Display {
    let ServingReplica {
        id,
        version,
        seen_s_ago,
    } = replica;
    format!("replica {id}, version {version}, seen {seen_s_ago} s ago")
}

/// The replicas that serve. A database before the step that lists them lists none.
async fn serving(store: &SqlStore, applied: &[String]) -> Result<Vec<ServingReplica>, StartError> {
    if !applied.iter().any(|name| name == SqlStore::LISTS_REPLICAS) {
        return Ok(Vec::new());
    }
    let seen = store.replicas().await.context(NOT_MIGRATED)?;
    Ok(seen.into_iter().map(ServingReplica::from).collect())
}

/// Takes the latest migrations back, after it has shown which.
async fn down(store: &SqlStore, args: &MigrateArgs) -> Result<(), StartError> {
    let applied = store.applied_migrations().await.context(NOT_MIGRATED)?;
    let steps = usize::try_from(args.steps).unwrap_or(usize::MAX);
    if steps > applied.len() {
        let fault = format!(
            "--steps is {steps}, and only {} migration(s) are applied: nothing was done",
            applied.len()
        );
        return Err(ConfigError::new(fault).into());
    }
    for step in applied[applied.len() - steps..].iter().rev() {
        line("takes back", step)?;
    }
    let replicas = serving(store, &applied).await?;
    for replica in &replicas {
        line("serves", &described(replica))?;
    }
    if !replicas.is_empty() && !args.force {
        let fault = "replicas serve with this database, and would lose the tables that they use: \
                     stop them, or add --force. Nothing was done";
        return Err(ConfigError::new(fault).into());
    }
    if !args.yes {
        let fault =
            "the data in what these migrations made would be lost: add --yes. Nothing was done";
        return Err(ConfigError::new(fault).into());
    }
    store.roll_back(args.steps).await.context(NOT_MIGRATED)?;
    info!(migrations = steps, "taken back");
    Ok(())
}
