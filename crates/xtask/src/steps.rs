use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use crate::tally::Tally;

/// The steps so far, in order, each with its name and time. A failed step does not stop the others.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<Step>,
    /// The tests that ran in any step.
    pub(crate) tally: Tally,
}

struct Step {
    name: &'static str,
    took: Duration,
    outcome: StepOutcome,
}

#[derive(PartialEq, Eq)]
enum StepOutcome {
    Held,
    Failed,
    /// With the reason.
    NotRun(String),
}

impl Steps {
    pub(crate) fn run(
        &mut self,
        name: &'static str,
        step: impl FnOnce(&mut Tally) -> anyhow::Result<()>,
    ) {
        println!("\n── {name}");
        let start = Instant::now();
        let outcome = match step(&mut self.tally) {
            Ok(()) => StepOutcome::Held,
            Err(error) => {
                println!("{error:#}");
                StepOutcome::Failed
            }
        };
        self.done.push(Step {
            name,
            took: start.elapsed(),
            outcome,
        });
    }

    /// Reports that a step is not run, here and at the end, so that nobody believes that it succeeded.
    pub(crate) fn leave_out(&mut self, name: &'static str, why: String) {
        println!("\n── {name}\nnot run: {why}");
        self.done.push(Step {
            name,
            took: Duration::ZERO,
            outcome: StepOutcome::NotRun(why),
        });
    }

    /// Reports the outcome of each step; the last line counts the tests, if any ran.
    pub(crate) fn finish(self) -> ExitCode {
        println!();
        for Step {
            name,
            took,
            outcome,
        } in &self.done
        {
            let seconds = took.as_secs_f64();
            match outcome {
                StepOutcome::Held => println!("{name:<18}{:<8}{seconds:>8.1} s", "ok"),
                StepOutcome::Failed => println!("{name:<18}{:<8}{seconds:>8.1} s", "FAILED"),
                StepOutcome::NotRun(why) => println!("{name:<18}NOT RUN: {why}"),
            }
        }
        if self.tally != Tally::default() {
            println!("{}", self.tally);
        }
        if self
            .done
            .iter()
            .all(|step| step.outcome != StepOutcome::Failed)
        {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}
