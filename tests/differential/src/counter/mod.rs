//! Quota counters.

mod run;
mod step;

pub use run::{CounterUnderTest, compare_counters};
pub use step::{CounterStep, counter_steps};
