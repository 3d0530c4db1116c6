//! Adapters and their fakes answer random sequences of operations alike.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod counters;
mod queues;
mod stores;
