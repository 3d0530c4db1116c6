#![doc = include_str!("../README.md")]

mod counter;
mod queue;
mod search;
mod store;

pub use counter::{CounterStep, CounterUnderTest, compare_counters, counter_steps};
pub use queue::{QueueStep, QueueUnderTest, compare_queues, queue_steps};
pub use search::{Shortest, search, seed};
pub use store::{StoreStep, compare_stores, store_steps};
