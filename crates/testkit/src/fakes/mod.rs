//! Fakes: in memory, deterministic, held to the same contract suites as the real adapters.

mod clock;
mod job_queue;
mod quota_counter;
mod store;
mod twitter;

pub use clock::{FakeClock, SequentialIds};
pub use job_queue::*;
pub use quota_counter::*;
pub use store::*;
pub use twitter::*;
