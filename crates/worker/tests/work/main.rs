//! The worker on the fakes, and on mocks where a fault is hard to cause.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod deadlines;
mod listener;
mod relay;
mod upkeep;
mod world;
