//! What the system does on this machine, each figure beside its limit, measured in the same run: `cargo xtask bench`, or
//! some of it: `cargo xtask bench refusals cuts`.
//!
//! The load comes from this process over loopback. Where two sides are compared, their rounds alternate, so that
//! whatever else the machine does hits both; the medians count. Nothing is written.
#![expect(clippy::print_stdout, reason = "the figures are for the one who asked")]

mod bare_http;
mod bare_sqlite;
mod consuming;
mod crowded;
mod cuts;
mod figures;
mod footprint;
mod guarding;
mod load;
mod part;
mod postgres;
mod production;
mod quiet;
mod reading;
mod redis;
mod refusing;
mod registering;
mod sqs;
mod tool;

use std::{env, process::ExitCode};

use futures::FutureExt;
use lemon_tests::System;
use mimalloc::MiMalloc;

use crate::{figures::Figures, part::Part};

/// As in the program, so that the bare handler has no worse one.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The call that says whether a place is free.
const CAN_USE: &str = "/api/service/learn_me/can-use";
/// Rounds of each side of a comparison.
const ROUNDS: usize = 5;
/// Calls in flight.
const CONNECTIONS: usize = 32;

/// What is measured, in this order.
const PARTS: [Part; 9] = [
    Part {
        name: "alone",
        measure: |figures| alone(figures).boxed_local(),
    },
    Part {
        name: "guard",
        measure: |figures| guarding::measure(figures).boxed_local(),
    },
    Part {
        name: "redis",
        measure: |figures| redis::measure(figures).boxed_local(),
    },
    Part {
        name: "postgresql",
        measure: |figures| postgres::measure(figures).boxed_local(),
    },
    Part {
        name: "refusals",
        measure: |figures| refusing::measure(figures).boxed_local(),
    },
    Part {
        name: "consumer",
        measure: |figures| consuming::measure(figures).boxed_local(),
    },
    Part {
        name: "sqs",
        measure: |figures| sqs::measure(figures).boxed_local(),
    },
    Part {
        name: "million",
        measure: |figures| crowded::measure(figures).boxed_local(),
    },
    Part {
        name: "cuts",
        measure: |figures| cuts::measure(figures).boxed_local(),
    },
];

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    // Cargo says that it is a bench.
    let mut arguments = env::args().skip(1).filter(|argument| argument != "--bench");
    let first = arguments.next();
    if first.as_deref() == Some(bare_http::ARGUMENT) {
        let body = arguments.next().unwrap_or_default();
        bare_http::serve(body, &arguments.collect::<Vec<_>>()).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let asked: Vec<String> = first.into_iter().chain(arguments).collect();
    let mut figures = Figures::default();
    for part in part::chosen(&PARTS, &asked)? {
        part.run(&mut figures).await;
    }
    println!("{figures}");
    Ok(figures.verdict())
}

/// The program with everything embedded.
async fn alone(figures: &mut Figures) -> anyhow::Result<()> {
    footprint::size(figures)?;
    let mut system = System::builder()
        .env("LEMON_SERVICES__LEARN_ME__DAILY_LIMIT", "1000000")
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "3600")
        .start()
        .await;
    footprint::first_start(figures, &system);
    reading::measure(figures, &system).await?;
    registering::measure(figures, &system).await?;
    footprint::memory(figures, &system)?;
    footprint::later_starts(figures, &mut system).await;
    Ok(())
}

/// The middle one.
fn median<T: PartialOrd + Copy>(mut values: Vec<T>) -> T {
    values.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values[values.len() / 2]
}
