//! `lemon-toolbox`: configuration, wiring, lifecycle, command line.

mod app;
mod cli;
mod commands;
mod config;
mod logging;

use std::{io::Write, process::ExitCode, time::Duration};

use app::StartError;
use clap::Parser;
use cli::Cli;
use logging::LogEnd;
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the end waits for a blocked thread. All work that was promised is done by then.
const LAST_WAIT: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        return refuse("another TLS provider is installed", 1);
    }
    let cli = Cli::parse();
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            return refuse(
                &format!("the threads of the runtime cannot be started: {error}"),
                1,
            );
        }
    };
    let log = LogEnd;
    let outcome = runtime.block_on(commands::run(cli));
    runtime.shutdown_timeout(LAST_WAIT);
    drop(log);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(StartError::Config(error)) => refuse(&error.to_string(), 2),
        Err(StartError::Other(error)) => refuse(&format!("{error:#}"), 1),
    }
}

/// Prints the reason in one line on stderr.
fn refuse(why: &str, code: u8) -> ExitCode {
    // If stderr is gone, only the exit code remains.
    drop(writeln!(std::io::stderr(), "lemon-toolbox: {why}"));
    ExitCode::from(code)
}
