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
mod failing_disk;
mod log;
mod person;
mod record;
mod steady;
mod system;
mod wait;

pub use answer::Answer;
pub use binary::{binary, cargo, profile};
pub use builder::SystemBuilder;
pub use failing_disk::FailingDisk;
pub use person::Person;
pub use record::{record_on_postgresql, record_on_sqlite};
pub use steady::SteadyLoad;
pub use system::{EarlyExit, System};
pub use wait::{PATIENCE, wait_until};
