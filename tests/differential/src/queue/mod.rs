//! Job queues.

mod answers;
mod receipts;
mod run;
mod step;

pub use run::{QueueUnderTest, compare_queues};
pub use step::{QueueStep, queue_steps};
