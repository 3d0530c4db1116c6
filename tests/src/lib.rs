#![doc = include_str!("../README.md")]
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod answer;
mod binary;
mod builder;
mod log;
mod person;
mod system;
mod wait;

pub use answer::Answer;
pub use binary::{binary, cargo};
pub use builder::SystemBuilder;
pub use person::Person;
pub use system::{EarlyExit, System};
pub use wait::{PATIENCE, wait_until};
