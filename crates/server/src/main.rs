//! `lemon-toolbox`: configuration, wiring, lifecycle, command line.

mod app;
mod cli;
mod commands;
mod config;
mod logging;
mod system;

use std::{io::Write, process::ExitCode};

use app::StartError;
use clap::Parser;
use cli::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        return refuse("another TLS provider is installed", 1);
    }
    match commands::run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(StartError::Config(error)) => refuse(&error.to_string(), 2),
        Err(StartError::Other(error)) => refuse(&format!("{error:#}"), 1),
    }
}

/// Says why in one line on stderr.
fn refuse(why: &str, code: u8) -> ExitCode {
    // If stderr is gone, the exit code has to do.
    drop(writeln!(std::io::stderr(), "lemon-toolbox: {why}"));
    ExitCode::from(code)
}
