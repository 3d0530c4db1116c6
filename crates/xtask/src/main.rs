#![doc = include_str!("../README.md")]
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command line tool talks to its user"
)]

mod bench;
mod cargo;
mod localstack;
mod machine;
mod steps;
mod tally;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::steps::Steps;

/// The chores of the workspace.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Installs what is missing, checks everything and runs every test.
    Test {
        /// Leaves out the test that needs a browser.
        #[arg(long)]
        fast: bool,
    },
    /// Checks formatting, lints and documentation.
    Lint,
    /// Measures the release build, each figure beside its limit; writes nothing.
    Bench,
}

fn main() -> ExitCode {
    let mut steps = Steps::default();
    let prepared = match Arguments::parse().chore {
        Chore::Test { fast } => test::test(&mut steps, fast),
        Chore::Lint => test::lint(&mut steps),
        Chore::Bench => {
            bench::measure(&mut steps);
            Ok(())
        }
    };
    if let Err(error) = prepared {
        eprintln!("error: {error:#}");
        return ExitCode::FAILURE;
    }
    steps.finish()
}
