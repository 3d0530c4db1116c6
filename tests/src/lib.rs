#![doc = include_str!("../README.md")]
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod answer;
mod binary;
mod failing_disk;
mod log;
mod record;
mod sealed;
mod steady;
mod system;
mod wait;

pub use answer::Answer;
pub use binary::{binary, cargo, profile};
pub use failing_disk::FailingDisk;
pub use record::{record_on_postgresql, record_on_sqlite};
pub use sealed::sealed_body;
pub use steady::SteadyLoad;
pub use system::{Begun, EarlyExit, Person, System, SystemBuilder};
pub use wait::{PATIENCE, wait_until};
