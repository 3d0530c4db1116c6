#![doc = include_str!("../README.md")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a fake fails the test that uses it"
)]
#![expect(
    clippy::missing_panics_doc,
    reason = "a fake panics on what no test means to do"
)]

mod clock;
mod earlier_system;
mod job_queue;
mod quota_counter;
mod store;
mod twitter;

pub use clock::{FakeClock, SequentialIds};
pub use earlier_system::MemoryEarlierSystem;
pub use job_queue::*;
pub use quota_counter::*;
pub use store::*;
pub use twitter::*;
