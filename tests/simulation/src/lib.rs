#![doc = include_str!("../README.md")]
#![expect(
    clippy::expect_used,
    reason = "a simulation is a test: it fails by panicking"
)]

mod catalogue;
mod chronicle;
mod dice;
mod history;
mod invariant;
mod line;
mod looks;
mod mutation;
mod people;
mod plan;
mod process;
mod run;
mod search;
mod town;
mod watch;
mod workers;
mod world;

pub use invariant::{Invariant, Violation};
pub use mutation::Mutation;
pub use run::{Ran, run};
pub use search::{Found, search};
