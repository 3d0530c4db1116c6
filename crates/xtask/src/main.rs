#![doc = include_str!("../README.md")]
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command line tool talks to its user"
)]

mod bench;
mod cargo;
mod docker;
mod images;
mod localstack;
mod machine;
mod packages;
mod shear;
mod steps;
mod suites;
mod tally;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

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
        /// Takes PostgreSQL, Redis and SQS in one way only; by default in containers, where a Docker engine answers, and for the
        /// adapters also by starting installed programs.
        #[arg(long, value_enum, value_name = "WAY")]
        services: Option<Services>,
    },
    /// Builds stand-ins for the images of PostgreSQL, Redis and LocalStack, for a Docker engine that reaches no
    /// registry.
    Images,
    /// Checks formatting, dependencies, lints and documentation.
    Lint,
    /// Packages every crate that is published, and tests a program that has the packages alone.
    Packages {
        /// Takes PostgreSQL and Redis in this way.
        #[arg(long, value_enum, value_name = "WAY", default_value_t = Services::Local)]
        services: Services,
    },
    /// Measures the program, each figure beside its limit; writes nothing.
    Bench {
        /// The program's build: `dist`, which is what is published, or `release`, which is there sooner.
        #[arg(long, default_value = "dist")]
        profile: String,
        /// Measures only these parts: alone, redis, postgresql, refusals, sqs, million, cuts.
        parts: Vec<String>,
    },
}

/// How the tests come to real servers.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Services {
    /// In containers.
    Docker,
    /// By starting installed programs.
    Local,
    /// At the addresses in the environment.
    Env,
}

fn main() -> ExitCode {
    let mut steps = Steps::default();
    let prepared = match Arguments::parse().chore {
        Chore::Test { fast, services } => test::test(&mut steps, fast, services),
        Chore::Images => images::build(&mut steps),
        Chore::Lint => test::lint(&mut steps),
        Chore::Packages { services } => {
            steps.run("packages", |tally| packages::test(tally, services));
            Ok(())
        }
        Chore::Bench { profile, parts } => {
            bench::measure(&mut steps, &profile, &parts);
            Ok(())
        }
    };
    if let Err(error) = prepared {
        eprintln!("error: {error:#}");
        return ExitCode::FAILURE;
    }
    steps.finish()
}
