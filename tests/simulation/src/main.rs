//! `cargo xtask simulate`: see the README.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command line tool talks to its user"
)]

mod orders;

use std::{process::ExitCode, time::Instant};

use lemon_simulation::{Mutation, run, search};

use crate::orders::{Orders, SEEDS};

/// How much of a run is shown when one of many fails.
const LAST_LINES: usize = 80;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match Orders::parse(&arguments) {
        Ok(orders) if orders.mutations => show_mutations(&orders),
        Ok(orders) => show_seeds(&orders),
        Err(fault) => {
            eprintln!("error: {fault}");
            ExitCode::from(2)
        }
    }
}

/// Runs seeds; shows the first that fails.
fn show_seeds(orders: &Orders) -> ExitCode {
    let begin = Instant::now();
    let found = search(orders.seeds(SEEDS), orders.mutation);
    let (runs, events) = (found.runs, found.events);
    let seconds = begin.elapsed().as_secs_f64();
    let Some((seed, violation)) = found.violation else {
        println!(
            "{runs} seeds from {}, {events} events, {seconds:.0} s: every invariant held",
            orders.from
        );
        if runs == 1 {
            println!(
                "digest {:016x}",
                run(orders.from, orders.mutation, false).digest
            );
        }
        return ExitCode::SUCCESS;
    };
    let ran = run(seed, orders.mutation, true);
    let lines: Vec<&str> = ran.words.lines().collect();
    let shown = if runs == 1 { lines.len() } else { LAST_LINES };
    println!("seed {seed} of {}", ran.plan);
    for line in &lines[lines.len().saturating_sub(shown)..] {
        println!("{line}");
    }
    println!(
        "seed {seed}: it does not hold that {}: {}",
        violation.invariant.as_str(),
        violation.what
    );
    let mutation = orders.mutation.map(|it| format!(" --mutation {}", it.name));
    let mutation = mutation.unwrap_or_default();
    println!("the whole run again: cargo xtask simulate --seeds 1 --from {seed}{mutation}");
    ExitCode::FAILURE
}

/// Takes each mechanism out, and shows what notices.
fn show_mutations(orders: &Orders) -> ExitCode {
    println!("| mutation | the mechanism that is taken out | what no longer holds | seeds |");
    println!("| --- | --- | --- | --- |");
    let mut all_found = true;
    for mutation in Mutation::ALL {
        let found = search(orders.seeds(SEEDS), Some(mutation));
        let noticed = found.violation.map(|(seed, violation)| {
            let seeds = seed - orders.from + 1;
            (violation.invariant.as_str(), seeds)
        });
        all_found &= noticed.is_some();
        let (invariant, seeds) = noticed.unwrap_or(("NOT FOUND", found.runs));
        println!(
            "| `{}` | {} | {invariant} | {seeds} |",
            mutation.name, mutation.mechanism
        );
    }
    if all_found {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
