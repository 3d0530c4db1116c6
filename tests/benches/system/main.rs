//! What the system does on this machine, each figure beside its limit, measured in the same run: `cargo xtask bench`.
//!
//! The load comes from this process over loopback. Where two sides are compared, their rounds alternate, so that
//! whatever else the machine does hits both; the medians count. Nothing is written.
#![expect(clippy::print_stdout, reason = "the figures are for the one who asked")]

mod bare_http;
mod bare_sqlite;
mod figures;
mod footprint;
mod load;
mod postgres;
mod quiet;
mod reading;
mod redis;
mod refusing;
mod registering;
mod sqs;
mod tool;

use std::{env, process::ExitCode};

use lemon_tests::System;
use mimalloc::MiMalloc;

use crate::figures::Figures;

/// As in the program, so that the bare handler has no worse one.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The call that says whether a place is free.
const CAN_USE: &str = "/api/service/learn_me/can-use";
/// Rounds of each side of a comparison.
const ROUNDS: usize = 5;
/// Calls in flight.
const CONNECTIONS: usize = 32;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = env::args().skip(1);
    if arguments.next().as_deref() == Some(bare_http::ARGUMENT) {
        let body = arguments.next().unwrap_or_default();
        bare_http::serve(body, &arguments.collect::<Vec<_>>()).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut figures = Figures::default();
    footprint::size(&mut figures)?;
    let mut system = System::builder()
        .env("LEMON_SERVICES__LEARN_ME__DAILY_LIMIT", "1000000")
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "3600")
        .start()
        .await;
    footprint::first_start(&mut figures, &system);
    reading::measure(&mut figures, &system).await?;
    registering::measure(&mut figures, &system).await?;
    footprint::memory(&mut figures, &system)?;
    footprint::later_starts(&mut figures, &mut system).await;
    drop(system);
    redis::measure(&mut figures).await?;
    postgres::measure(&mut figures).await?;
    refusing::measure(&mut figures).await?;
    sqs::measure(&mut figures).await?;
    println!("{figures}");
    Ok(figures.verdict())
}

/// The middle one.
fn median<T: PartialOrd + Copy>(mut values: Vec<T>) -> T {
    values.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values[values.len() / 2]
}
