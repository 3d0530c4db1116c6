use std::process::{Command, ExitCode};

use crate::cargo::{cargo, run};

/// The simulation with these arguments, in the profile in which it is quick.
fn simulation(arguments: &[&str]) -> Command {
    let mut command = cargo(&[
        "run",
        "--quiet",
        "--profile=simulation",
        "--package=lemon-simulation",
        "--",
    ]);
    command.args(arguments);
    command
}

/// Passes the arguments on; its exit code is that of the simulation, which knows what is wrong with them.
pub(crate) fn pass_on(arguments: &[String]) -> anyhow::Result<ExitCode> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let status = simulation(&arguments).status()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Runs the seeds in which every invariant must hold, and those in which each missing mechanism must be noticed.
pub(crate) fn check() -> anyhow::Result<()> {
    run(&mut simulation(&[]))?;
    run(&mut simulation(&["--mutations"]))
}
