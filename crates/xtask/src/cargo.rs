use std::{
    env,
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};

/// Cargo in the workspace, as if called from a shell.
///
/// The variables that Cargo sets for the program that it runs are removed: otherwise build scripts that watch them
/// would run again, and rebuild their dependents, on each change between Cargo and a shell.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .stdin(Stdio::null());
    for (name, _) in env::vars_os() {
        let set_by_cargo = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
            .iter()
            .any(|prefix| name.to_string_lossy().starts_with(prefix));
        if set_by_cargo {
            command.env_remove(name);
        }
    }
    command
}

/// Runs the command; fails unless it succeeds.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("{} cannot be started", command.get_program().display()))?;
    ensure!(
        status.success(),
        "{} ended with {status}",
        command.get_program().display()
    );
    Ok(())
}
