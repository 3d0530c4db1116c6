#![doc = include_str!("../README.md")]
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command line tool talks to its user"
)]

mod answers;
mod bench;
mod cargo;
mod compose;
mod deploying;
mod docker;
mod guides;
mod images;
mod localstack;
mod machine;
mod packages;
mod proofs;
mod python;
mod shear;
mod simulation;
mod steps;
mod suites;
mod tally;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::steps::Steps;

/// Tests, checks and measures the workspace.
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
        /// Does not run the test that needs a browser.
        #[arg(long)]
        fast: bool,
        /// Uses PostgreSQL, Redis and SQS in only this way. Without this option, the tests use containers if a Docker engine
        /// answers, and the tests of the adapters run again on installed programs.
        #[arg(long, value_enum, value_name = "WAY")]
        services: Option<Services>,
    },
    /// Builds stand-ins for the images of PostgreSQL, Redis and LocalStack, for a Docker engine that reaches no
    /// registry.
    Images,
    /// Checks formatting, dependencies, lints and documentation.
    Lint,
    /// Checks what is in `deploy/` and `.github/`, and what may be depended on, without starting anything.
    Deploy,
    /// Starts the replicas of `deploy/compose.yml` from nothing, three times.
    Compose {
        /// The program's image; by default one that is made of this workspace's debug build.
        #[arg(long)]
        image: Option<String>,
    },
    /// Compares the answers of the debug build with its OpenAPI document, by schemathesis.
    Answers,
    /// Installs oauthlib and schemathesis, with which some tests of single crates compare.
    Proofs,
    /// Packages every crate that is published, and tests a program that uses only these packages.
    Packages {
        /// Uses PostgreSQL and Redis in this way.
        #[arg(long, value_enum, value_name = "WAY", default_value_t = Services::Local)]
        services: Services,
    },
    /// Runs replicas, people, workers and faults from seeds: `--seeds N` of them, `--from S`; `--mutation NAME` takes a
    /// mechanism out, and `--mutations` each of them.
    Simulate {
        /// The arguments of the simulation; its own help with `-- --help`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measures the program and prints each figure beside its limit. It writes no file.
    Bench {
        /// The profile of the program's build: `dist`, which is published, or `release`, which builds faster.
        #[arg(long, default_value = "dist")]
        profile: String,
        /// Measures only these parts: alone, guard, redis, postgresql, refusals, sqs, million, cuts.
        parts: Vec<String>,
    },
}

/// How the tests get real servers.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Services {
    /// The tests run the servers in containers.
    Docker,
    /// The tests start the installed programs.
    Local,
    /// The tests use the servers at the addresses in the environment.
    Env,
}

fn main() -> ExitCode {
    let mut steps = Steps::default();
    let prepared = match Arguments::parse().chore {
        Chore::Test { fast, services } => test::test(&mut steps, fast, services),
        Chore::Images => images::build(&mut steps),
        Chore::Lint => test::lint(&mut steps),
        Chore::Deploy => deploying::check(&mut steps),
        Chore::Compose { image } => compose::start(&mut steps, image),
        Chore::Answers => answers::compare(&mut steps),
        Chore::Proofs => machine::install_python().and_then(|()| proofs::install()),
        Chore::Packages { services } => {
            steps.run("packages", |tally| packages::test(tally, services));
            Ok(())
        }
        Chore::Simulate { arguments } => match simulation::pass_on(&arguments) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
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
