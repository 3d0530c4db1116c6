use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use crate::tally::Tally;

/// What was done, in order: each step named and timed. A failure stops none of the others.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<Step>,
    /// The tests that ran in any step.
    pub(crate) tally: Tally,
}

struct Step {
    name: &'static str,
    took: Duration,
    held: bool,
}

impl Steps {
    pub(crate) fn run(
        &mut self,
        name: &'static str,
        step: impl FnOnce(&mut Tally) -> anyhow::Result<()>,
    ) {
        println!("\n── {name}");
        let start = Instant::now();
        let outcome = step(&mut self.tally);
        if let Err(error) = &outcome {
            println!("{error:#}");
        }
        self.done.push(Step {
            name,
            took: start.elapsed(),
            held: outcome.is_ok(),
        });
    }

    /// Says how each step went; the last line counts the tests, if any ran.
    pub(crate) fn finish(self) -> ExitCode {
        println!();
        for Step { name, took, held } in &self.done {
            let verdict = if *held { "ok" } else { "FAILED" };
            println!("{name:<16}{verdict:<8}{:>8.1} s", took.as_secs_f64());
        }
        if self.tally != Tally::default() {
            println!("{}", self.tally);
        }
        if self.done.iter().all(|step| step.held) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}
