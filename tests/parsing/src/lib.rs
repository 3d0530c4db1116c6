#![doc = include_str!("../README.md")]
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a target panics where an oracle does not hold"
)]

mod addresses;
mod answering;
mod bodies;
mod requests;
mod runtime;
mod secrets;
mod target;
mod tokens;
mod town;
mod values;

pub use target::Target;
