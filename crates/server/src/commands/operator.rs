//! What operators' commands share.

use std::{env, io::Write};

use anyhow::{Context, anyhow};
use lemon_postgres::SqlStore;
use serde::Serialize;

use crate::app::{Patience, StartError, StorePlan};

/// Connects to the store of a program that is set up: these commands change no schema.
pub(super) async fn connect(
    (plan, patience): &(StorePlan, Patience),
) -> Result<SqlStore, StartError> {
    let store = patience.wait_for("store", async || plan.connect().await);
    let store = store.await?;
    let missing = store.pending_migrations().await;
    let missing = missing.context("the store cannot be used")?.len();
    if missing > 0 {
        let error = anyhow!(
            "the database lacks {missing} migration(s): run `lemon-toolbox migrate`, or start the program"
        );
        return Err(error.into());
    }
    Ok(store)
}

/// Who runs the command, as the system names them.
pub(super) fn operator() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| env::var(name).ok().filter(|user| !user.is_empty()));
    named.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
}

/// Prints a value as JSON.
pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value).context("cannot print")?;
    writeln!(std::io::stdout(), "{text}").context("cannot print")
}
